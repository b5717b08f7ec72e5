import { Readable } from "node:stream";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readJunit } from "../../src/test-reports/read-junit.ts";
import { readTap } from "../../src/test-reports/read-tap.ts";
import { TestKeys } from "../../src/test-reports/test-keys.ts";
import { SLICE_LENGTH } from "../../src/test-reports/text-slices.ts";
import { cutAt, junit, tap } from "./reading.ts";

const JUNIT = `<?xml version="1.0" encoding="UTF-8"?>\r\n<testsuites><testsuite name="ä &amp; b">
  <testcase name="&#x1F680; 🚀" time="1,5"><failure message="a&#10;b">x]]&gt;y <![CDATA[<&>]]> z</failure></testcase>
  <!-- a comment --><testcase name="c"><system-out>\x1b[1m one\r\ntwo</system-out></testcase>
  <system-err>é</system-err></testsuite></testsuites>`;

const TAP = `TAP version 14\r\n# Subtest: ä 🚀
    ok 1 - é # time=1ms
    not ok 2 - b\n      ---\n      message: "ü"\n      list: [1, {a: 🚀}]\n      ...
    1..2\nnot ok 1 - ä 🚀\nok 2 - { # SKIP ß\n1..2\n`;

describe("reading", () => {
  it.each([
    ["JUnit", JUNIT, junit],
    ["TAP", TAP, tap],
  ] as const)("gives the same tests of %s however its bytes come", async (_, text, read) => {
    const bytes = Buffer.from(text);
    const whole = await read(bytes);
    expect(whole.error).toBeNull();
    expect(whole.tests).toHaveLength(text === JUNIT ? 2 : 3);
    const places = fc.array(fc.nat({ max: bytes.length }), { maxLength: 40 });
    await fc.assert(
      fc.asyncProperty(places, async (cuts) => {
        expect(await read(cutAt(bytes, cuts))).toEqual(whole);
      }),
      { numRuns: 100 },
    );
  });

  it("never fails otherwise than with a ReportError, whatever the bytes are", async () => {
    const edit = fc.record({
      at: fc.nat({ max: 700 }),
      remove: fc.nat({ max: 30 }),
      insert: fc.string({ maxLength: 5 }),
    });
    const report = fc.constantFrom([JUNIT, junit] as const, [TAP, tap] as const);
    await fc.assert(
      fc.asyncProperty(report, fc.array(edit, { maxLength: 4 }), async ([text, read], edits) => {
        const damaged = edits.reduce<string>(
          (all, { at, remove, insert }) => all.slice(0, at) + insert + all.slice(at + remove),
          text,
        );
        await read(damaged);
      }),
      { numRuns: 200 },
    );
  });

  it.each([
    ["JUnit", `<testsuite>${'<testcase name="a"/>\n'.repeat(20_000)}</testsuite>`, readJunit],
    ["TAP", `1..20000\n${"ok - a test with a name\n".repeat(20_000)}`, readTap],
  ] as const)("leaves the event loop to others after every slice of %s", async (_, text, read) => {
    const testsByTurn: number[] = [0];
    let counting = true;
    const count = () => {
      testsByTurn.push(0);
      if (counting) setImmediate(count);
    };
    setImmediate(count);
    await read(Readable.from([Buffer.from(text)]), {
      keys: new TestKeys(),
      onTest: () => void testsByTurn[testsByTurn.length - 1]!++,
    });
    counting = false;
    const line = Math.floor(text.length / 20_000);
    expect(testsByTurn.reduce((sum, tests) => sum + tests)).toBe(20_000);
    expect(Math.max(...testsByTurn)).toBeLessThanOrEqual(2 * Math.ceil(SLICE_LENGTH / line));
  });

  it("is held back by whoever listens", async () => {
    let open = 0;
    await readJunit(Readable.from([Buffer.from(`<testsuite>${"<testcase/>".repeat(50)}</testsuite>`)]), {
      keys: new TestKeys(),
      async onTest() {
        expect(++open).toBe(1);
        await new Promise(setImmediate);
        open--;
      },
    });
  });
});

describe("keys", () => {
  it("are the path of a test, without what repeats, numbered where they are equal", () => {
    const keys = new TestKeys();
    expect(keys.keyOf(["com.Cart", "com.Cart", "adds"])).toBe("com.Cart > adds");
    expect(keys.keyOf(["com.Cart", "adds"])).toBe("com.Cart > adds #2");
    expect(keys.keyOf(["com.Cart", "adds #3"])).toBe("com.Cart > adds #3");
    expect(keys.keyOf(["com.Cart", "adds"])).toBe("com.Cart > adds #4");
    expect(keys.keyOf(["", " a\n\tb\0\uD800c ", ""])).toBe("a b c");
    expect(keys.keyOf([])).toBe("unnamed");
  });

  it("that are too long are cut and still differ", () => {
    const keys = new TestKeys();
    const long = "🚀".repeat(400);
    const made = [`${long}a`, `${long}b`, `${long}a`].map((name) => keys.keyOf([name]));
    expect(new Set(made).size).toBe(3);
    expect(made.every((key) => key.length <= 500 && !/\p{Surrogate}/u.test(key))).toBe(true);
    expect(new TestKeys().keyOf([`${long}a`])).toBe(made[0]);
  });
});
