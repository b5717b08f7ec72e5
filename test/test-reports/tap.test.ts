import { describe, expect, it } from "vitest";
import { tap } from "./reading.ts";

describe("a TAP report", () => {
  it("tells tests, reasons, times and diagnostics", async () => {
    const { tests, error } = await tap(`TAP version 14
1..6
ok 1 - adds # time=12.5ms
not ok 2 - subtracts
  ---
  message: expected 1, got 2
  duration_ms: 3
  at: { fileName: calc.js, lineNumber: 7 }
  stack: |
    calc.js:7
    run.js:1
  ...
ok 3 - divides # SKIP no zero
not ok 4 - thinks # TODO one day
ok 5
ok 6 - odd \\# name
`);
    expect(error).toBeNull();
    expect(tests).toMatchObject([
      { key: "adds", name: "adds", suite: null, status: "PASSED", durationMs: 12.5 },
      {
        key: "subtracts",
        status: "FAILED",
        durationMs: 3,
        message: "expected 1, got 2",
        file: "calc.js",
        details: expect.stringContaining("stack:\ncalc.js:7\nrun.js:1"),
      },
      { status: "SKIPPED", message: "no zero" },
      { status: "SKIPPED", message: "one day" },
      { key: "unnamed", status: "PASSED" },
      { name: "odd # name" },
    ]);
  });

  it("tells the tests of subtests, and a subtest itself only where they do not tell why it failed", async () => {
    const { tests, error } = await tap(`TAP version 14
# Subtest: outer
    # Subtest: inner
        ok 1 - a
        not ok 2 - b
        1..2
    not ok 1 - inner
    ok 2 - c
    1..2
not ok 1 - outer
# Subtest: broken
    ok 1 - d
    1..1
not ok 2 - broken
  ---
  error: the hook failed
  location: 'suite.js:3:1'
  ...
ok 3 - buffered {
    ok 1 - e
    1..1
}
# Subtest: empty
    1..0
ok 4 - empty # SKIP nothing here
1..4
`);
    expect(error).toBeNull();
    expect(tests.map(({ key, status, message }) => [key, status, message])).toEqual([
      ["outer > inner > a", "PASSED", null],
      ["outer > inner > b", "FAILED", null],
      ["outer > c", "PASSED", null],
      ["broken > d", "PASSED", null],
      ["broken", "FAILED", "the hook failed"],
      ["buffered > e", "PASSED", null],
      ["empty", "SKIPPED", "nothing here"],
    ]);
    expect(tests[4]).toMatchObject({ file: "suite.js" });
  });

  it("that is incomplete is refused after its tests", async () => {
    const incomplete = {
      "ok 1 - a\n": "the report has no plan (such as 1..10), so tests may be missing in it",
      "1..3\nok 1 - a\n": "the plan says 3 tests, the report has 1",
      "1..2\nok 1 - a\nBail out! no database\nok 2 - b\n": "the tests bailed out: no database",
      "1..1\nok 1 - a\nok 2 - b\n": "not valid TAP: id greater than plan end",
      "1..2\nok 1 - a\nok 1 - a\n": "not valid TAP: test point id 1 appears multiple times",
    };
    for (const [text, message] of Object.entries(incomplete)) {
      const { tests, error } = await tap(text);
      expect(error).toBe(message);
      expect(tests[0]).toMatchObject({ key: "a" });
    }
    expect((await tap("")).error).toMatch(/has no plan/);
    expect(await tap("1..0 # skipped\n")).toEqual({ tests: [], suiteOutput: [], error: null });
  });

  it("cannot stop its reader with depth, lines or diagnostics without end", async () => {
    const deep = Array.from({ length: 80 }, (_, level) => `${"    ".repeat(level)}# Subtest: s\n`).join("");
    expect((await tap(`TAP version 14\n${deep}`)).error).toMatch(/nested deeper than 64 levels/);
    const long = await tap(`1..1\nok 1 - ${"x".repeat(3_000_000)}\n`);
    expect(long).toMatchObject({ error: null, tests: [{ status: "PASSED" }] });
    expect(long.tests[0]!.key).toHaveLength(500);
    const block = `  ---\n${"  - x\n".repeat(500_000)}  ...\n`;
    expect(await tap(`1..2\nnot ok 1 - a\n${block}ok 2 - b\n`)).toMatchObject({
      error: null,
      tests: [{ status: "FAILED" }, { status: "PASSED" }],
    });
  });
});
