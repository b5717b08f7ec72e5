import { describe, expect, it } from "vitest";
import { cutAt, junit } from "./reading.ts";

const suite = (cases: string, attributes = 'name="s"') => `<testsuite ${attributes}>${cases}</testsuite>`;

describe("a JUnit report", () => {
  it("tells every test with what is known of it", async () => {
    const { tests, error } = await junit(`<?xml version="1.0" encoding="UTF-8"?>
      <testsuites name="all" time="1">
        <testsuite name="cart" timestamp="2026-01-02T03:04:05" file="cart.spec">
          <properties><property name="os" value="linux"/></properties>
          <testcase classname="Cart" name="is empty" time="0.25" timestamp="2026-01-02T05:04:06+02:00"/>
          <testsuite name="deep"><testcase name="adds" time="1.5" file="deep.spec" line="7">
            <failure message="expected 1, got 2" type="AssertionError">AssertionError: expected 1, got 2
    at add (deep.spec:7)</failure>
            <system-out>hello</system-out><system-err><![CDATA[<world>]]></system-err>
          </testcase></testsuite>
          <testcase classname="Cart" name="explodes"><error type="TypeError">x is &lt;undefined&gt;</error></testcase>
          <testcase classname="Cart" name="later"><skipped message="not today"/></testcase>
        </testsuite>
      </testsuites>`);
    expect(error).toBeNull();
    expect(tests).toMatchObject([
      {
        key: "cart > Cart > is empty",
        name: "is empty",
        suite: "cart > Cart",
        file: "cart.spec",
        status: "PASSED",
        startedAt: new Date("2026-01-02T03:04:06Z"),
        durationMs: 250,
        message: null,
        details: null,
        output: [],
      },
      {
        key: "cart > deep > adds",
        file: "deep.spec",
        status: "FAILED",
        startedAt: new Date("2026-01-02T03:04:05Z"),
        durationMs: 1500,
        message: "expected 1, got 2",
        details: "deep.spec:7\nAssertionError: expected 1, got 2\n    at add (deep.spec:7)",
        output: [
          { stream: "stdout", text: "hello" },
          { stream: "stderr", text: "<world>" },
        ],
      },
      { status: "ERRORED", message: "x is <undefined>", details: "TypeError\nx is <undefined>" },
      { status: "SKIPPED", message: "not today" },
    ]);
  });

  it("may lack names, times, suites and everything else", async () => {
    const { tests } = await junit(
      `<testsuites><testcase/><testcase name="a"/><testsuite><testcase classname="C" time=""/></testsuite></testsuites>`,
    );
    const nothing = { file: null, startedAt: null, durationMs: null, status: "PASSED" };
    expect(tests).toMatchObject([
      { key: "unnamed", name: "unnamed", suite: null, ...nothing },
      { key: "a", name: "a", suite: null, ...nothing },
      { key: "C", name: "C", suite: "C", ...nothing },
    ]);
  });

  it("keeps several failures, and tells what was repeated until it passed or failed for good", async () => {
    const { tests } = await junit(
      suite(`
        <testcase name="two"><failure message="first"/><failure message="second">trace</failure></testcase>
        <testcase name="both"><failure message="f"/><error message="e"/></testcase>
        <testcase name="flaky"><flakyFailure message="once"><stackTrace>at once</stackTrace>
          <system-out>tried</system-out></flakyFailure></testcase>
        <testcase name="hopeless"><failure message="no"/><rerunFailure message="no again"/></testcase>
        <testcase name="gtest" status="notrun"/>`),
    );
    expect(tests).toMatchObject([
      { status: "FAILED", message: "first", details: "failure: first\nfailure: second\ntrace" },
      { status: "ERRORED", message: "f" },
      {
        status: "PASSED",
        message: "passed after 1 failed try",
        details: "once\nat once",
        output: [{ text: "tried" }],
      },
      { status: "FAILED", details: "failure: no\nrerunFailure: no again" },
      { status: "SKIPPED" },
    ]);
  });

  it("tells the output of suites apart", async () => {
    const { tests, suiteOutput } = await junit(
      suite(`<testcase name="a"/><system-out>of the suite</system-out><system-err> </system-err>`),
    );
    expect(tests).toMatchObject([{ output: [] }]);
    expect(suiteOutput).toEqual([{ suite: "s", stream: "stdout", text: "of the suite" }]);
  });

  it("has times of any locale, and timestamps with and without zone or as numbers", async () => {
    const times = {
      "1.5": 1500,
      "1,5": 1500,
      "1,234.567": 1_234_567,
      "1.234,567": 1_234_567,
      "1 234,5": 1_234_500,
      "1,234,567": 1_234_567_000,
      "2.5E-4": 0.25,
      ".5": 500,
      "3": 3000,
      "0.1s": 100,
      "-1": null,
      NaN: null,
      "1e999": null,
      soon: null,
    };
    const stamps = {
      "2026-01-02T03:04:05": "2026-01-02T03:04:05.000Z",
      "2026-01-02 03:04:05,678 +0100": "2026-01-02T02:04:05.678Z",
      "2026-01-02T03:04:05.123456Z": "2026-01-02T03:04:05.123Z",
      "1767323045": "2026-01-02T03:04:05.000Z",
      "1767323045678": "2026-01-02T03:04:05.678Z",
      "1767323045.5": "2026-01-02T03:04:05.500Z",
      "2026-13-40T00:00:00": undefined,
      yesterday: undefined,
      "99999999999999999": undefined,
    };
    const timed = Object.keys(times).map((time) => `<testcase name="x" time="${time}"/>`);
    const stamped = Object.keys(stamps).map((stamp) => `<testcase name="x" timestamp="${stamp}"/>`);
    const { tests } = await junit(suite([...timed, ...stamped].join("")));
    expect(tests.slice(0, timed.length).map(({ durationMs }) => durationMs)).toEqual(Object.values(times));
    const starts = tests.slice(timed.length).map(({ startedAt }) => startedAt?.toISOString());
    expect(starts.toSorted()).toEqual(Object.values(stamps).toSorted());
  });

  it("is cut where it says too much, and says so", async () => {
    const long = "é".repeat(700_000);
    const { tests } = await junit(
      suite(
        `<testcase name="a"><failure message="${long}">${long}</failure><system-out>${long}</system-out></testcase>`,
      ),
    );
    const [{ message, details, output }] = tests as [(typeof tests)[0]];
    expect(message).toHaveLength(4_000);
    expect(message).toMatch(/é \.\.\.$/);
    for (const [text, limit] of [
      [details!, 65_536],
      [output[0]!.text, 1024 * 1024],
    ] as const) {
      expect(Buffer.byteLength(text)).toBeLessThanOrEqual(limit);
      expect(Buffer.byteLength(text)).toBeGreaterThan(limit - 200);
      expect(text).toMatch(/é\n\[cut here: \d+ bytes more\]$/);
    }
  });

  it("is read in its encoding, and with characters that XML forbids", async () => {
    const xml = '<?xml version="1.0" encoding="ENC"?><testsuite><testcase name="grün"/></testsuite>';
    const declared = (encoding: string) => xml.replace("ENC", encoding);
    const files = [
      Buffer.from(declared("utf-8")),
      Buffer.from(`\uFEFF${declared("utf-8")}`),
      Buffer.from(declared("ISO-8859-1"), "latin1"),
      Buffer.from(`\uFEFF${declared("UTF-16")}`, "utf16le"),
      Buffer.from(declared("utf-16")),
    ];
    for (const file of files)
      expect(await junit(file)).toMatchObject({ tests: [{ name: "grün" }], error: null });
    expect(await junit(declared("klingon"))).toMatchObject({
      error: '1:1: the encoding "klingon" is not known here',
    });
    const colored = await junit(
      suite(`<testcase name="a"><failure>\x1b[31mred\x1b[0m &#27;[1m</failure></testcase>`),
    );
    expect(colored).toMatchObject({ error: null, tests: [{ details: "\x1b[31mred\x1b[0m &#27;[1m" }] });
  });

  it("that is no report is refused with its place, after the tests before it", async () => {
    const refused: Record<string, [string, RegExp]> = {
      "a cut file": [
        '<testsuite>\n<testcase name="a"/>\n<testcase name="b">',
        /^3:\d+: no valid XML: unclosed tag: testcase/,
      ],
      "a wrong end": [
        '<testsuite>\n<testcase name="a"/>\n</testsuites>',
        /^3:13: no valid XML: unexpected close tag/,
      ],
      "an unknown entity": [
        '<testsuite><testcase name="a"/>&boom;</testsuite>',
        /^1:\d+: no valid XML: undefined entity/,
      ],
    };
    for (const [what, [text, message]] of Object.entries(refused)) {
      const { tests, error } = await junit(text);
      expect(error, what).toMatch(message);
      expect(tests, what).toMatchObject([{ name: "a" }]);
    }
    expect((await junit("")).error).toMatch(/no valid XML: document must contain a root element/);
    expect((await junit("not at all")).error).toMatch(/^1:\d+: no valid XML: text data outside of root node/);
    expect((await junit("<html/>")).error).toMatch(/the root element is <html>/);
  });

  it("with entities of its own, or nested too deeply, is refused", async () => {
    const entities = Array.from(
      { length: 10 },
      (_, n) => `<!ENTITY e${n + 1} "${`&e${n};`.repeat(10)}">`,
    ).join("\n");
    const bomb = `<?xml version="1.0"?>\n<!DOCTYPE bomb [<!ENTITY e0 "x">${entities}]>\n<testsuite>&e10;</testsuite>`;
    expect((await junit(bomb)).error).toMatch(/^\d+:\d+: a DOCTYPE is refused/);
    const nested = (depth: number) => "<testsuite>".repeat(depth) + "</testsuite>".repeat(depth);
    expect((await junit(nested(64))).error).toBeNull();
    expect((await junit(nested(65))).error).toMatch(/nested deeper than 64 levels/);
    expect((await junit("<testsuite>".repeat(1_000_000))).error).toMatch(/nested deeper than 64 levels/);
  });

  it("never holds a text without end in memory", async () => {
    let read = 0;
    async function* endless() {
      yield Buffer.from('<testsuite><testcase name="a"><system-out>');
      for (;;) {
        read++;
        yield Buffer.alloc(4 * 1024 * 1024, "x");
      }
    }
    const { readJunit } = await import("../../src/test-reports/read-junit.ts");
    const { TestKeys } = await import("../../src/test-reports/test-keys.ts");
    const reading = readJunit(endless(), { keys: new TestKeys(), onTest() {} });
    await expect(reading).rejects.toThrow("a single text or tag is longer than 64 MiB");
    expect(read).toBeLessThan(20);
  });
});

it("bytes may be cut anywhere", async () => {
  const bytes = Buffer.from(`\uFEFF<?xml version="1.0"?>${suite('<testcase name="ü"/>')}`);
  const whole = await junit(bytes);
  for (let place = 0; place <= bytes.length; place++)
    expect(await junit(cutAt(bytes, [place]))).toEqual(whole);
});
