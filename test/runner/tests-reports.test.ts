import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { endOf, runTask, startTestRunner, task, temporaryDirectory, until, workspaceOf } from "./harness.ts";
import { testTask } from "./tests.ts";

const junit = (...globs: string[]) => ({ format: "JUNIT" as const, globs });

/** A command that writes a file. */
function writing(file: string, text: string, then = ""): string {
  return `mkdir -p "$(dirname ${file})"; cat > ${file} <<'END'\n${text}\nEND\n${then}`;
}

const MIXED = `<testsuite name="s">
  <testcase name="good" time="0.5"><system-out>hello</system-out></testcase>
  <testcase name="bad"><failure message="no">trace</failure></testcase>
  <system-out>of the suite</system-out></testsuite>`;

describe("a step with a report", () => {
  it("imports every test of every file, with its output as its log", async () => {
    const here = await startTestRunner();
    const second = '<testsuite name="s"><testcase name="good"/></testsuite>';
    const granted = testTask({
      run: `${writing("out/b.xml", second)}${writing("out/a.xml", MIXED, "exit 1")}`,
      report: junit("out/*.xml"),
    });
    const report = await runTask(here, granted);
    expect(report).toMatchObject({ outcome: "SUCCEEDED", exitCode: 1, error: null });
    const tests = here.stub.tests(granted);
    expect(tests.all).toMatchObject([
      { key: "s > good", name: "good", suite: "s", status: "PASSED", result: { durationMs: 500 } },
      { key: "s > bad", status: "FAILED", result: { message: "no", details: "no\ntrace" } },
      { key: "s > good #2", status: "PASSED", result: { logPart: null } },
    ]);
    expect(tests.complete).toBe(true);
    const { logPart, logLength } = tests.of("s > good").result!;
    await until("the test's log", () => here.stub.logBytes(granted, logPart!) === logLength);
    expect(here.stub.lines(granted, "stdout", logPart!)).toEqual(["hello"]);
    expect(here.stub.lines(granted, "stdout")).toEqual(["of the suite"]);
    expect(here.stub.lines(granted, "system")).toEqual([
      "FAILED s > bad: no",
      "3 tests done, 1 failed, 0 skipped",
    ]);
  });

  it("reads TAP", async () => {
    const here = await startTestRunner();
    const granted = testTask({
      run: writing("out.tap", "1..2\nok 1 - a\nok 2 - b # SKIP why"),
      report: { format: "TAP", globs: ["*.tap"] },
    });
    expect(await runTask(here, granted)).toMatchObject({ outcome: "SUCCEEDED" });
    expect(here.stub.tests(granted).all).toMatchObject([
      { status: "PASSED" },
      { status: "SKIPPED", result: { message: "why" } },
    ]);
  });

  it("fails when the report does not tell why the command did, is missing, or cannot be read; good files count", async () => {
    const here = await startTestRunner();
    const good = '<testsuite><testcase name="a"/></testsuite>';
    const cases = [
      [writing("r.xml", good, "exit 2"), "exit code 2, though no test of the report failed", 1],
      ["true", "no file matches *.xml", 0],
      ["exit 4", "exit code 4, and no file matches *.xml", 0],
      [
        `${writing("a.xml", "<testsuite>")}${writing("b.xml", good)}`,
        /^a\.xml: \d+:\d+: no valid XML: unclosed tag: testsuite$/,
        1,
      ],
      [`${writing("b.xml", MIXED)} kill -KILL $$`, "killed by SIGKILL", 2],
      ["mkfifo r.xml", "no file matches *.xml", 0],
    ] as const;
    for (const [run, error, count] of cases) {
      const granted = testTask({ run, report: junit("*.xml") });
      const report = await runTask(here, granted);
      expect(report, run).toMatchObject({ outcome: "FAILED" });
      expect(report.error, run).toMatch(error);
      expect(here.stub.tests(granted).all, run).toHaveLength(count);
    }
  });

  it("takes nothing for its report that was there before, or lies outside of the workspace", async () => {
    const here = await startTestRunner();
    const outside = await temporaryDirectory();
    writeFileSync(join(outside, "secret.xml"), '<testsuite><testcase name="secret"/></testsuite>');
    const old = '<testsuite><testcase name="old"/></testsuite>';
    const earlier = task(
      `${writing("reports/old.xml", old)} ln -s ${outside} linked; ln -s ${outside}/secret.xml reports/link.xml`,
    );
    await runTask(here, earlier);
    const granted = testTask(
      {
        run: writing("reports/new.xml", '<testsuite><testcase name="new"/></testsuite>'),
        report: junit("reports/*.xml", "linked/*.xml", "**/secret.xml"),
      },
      {},
      { workflowRunId: earlier.workflowRunId },
    );
    expect(await runTask(here, granted)).toMatchObject({ outcome: "SUCCEEDED" });
    expect(here.stub.tests(granted).all.map(({ key }) => key)).toEqual(["new"]);
  });

  it("runs as a whole again for chosen tests, and only their results count", async () => {
    const here = await startTestRunner();
    const granted = testTask({
      run: `cat "$RUNCAST_TESTS_FILE"\n${writing("r.xml", MIXED, "exit 1")}`,
      report: junit("r.xml"),
      rediscover: false,
    });
    const tests = here.stub.tests(granted);
    for (const key of ["s > bad", "s > gone"]) tests.queue(key);
    expect(await runTask(here, granted)).toMatchObject({ outcome: "SUCCEEDED" });
    expect(tests.all).toMatchObject([
      { key: "s > bad", status: "FAILED", attempt: 1 },
      { key: "s > gone", status: "ERRORED", result: { message: "the report does not have this test" } },
    ]);
    expect(here.stub.lines(granted, "stdout").slice(0, 2)).toEqual(["s > bad", "s > gone"]);
  });

  it("dies when all its tests are aborted, and not before", async () => {
    const here = await startTestRunner();
    const granted = testTask(
      {
        run: `trap 'echo stopped; exit 1' TERM; touch ready; while :; do sleep 0.05; done`,
        report: junit("r.xml"),
        rediscover: false,
      },
      { graceMs: 5_000 },
    );
    const tests = here.stub.tests(granted);
    const [one, other] = [tests.queue("one"), tests.queue("other")];
    here.stub.offer(granted);
    const ready = join(workspaceOf(here.workDirectory, granted), "ready");
    await until("its trap", () => existsSync(ready));
    tests.aborts.add(one.id);
    const before = tests.calls.length;
    await until("it was told of one", () => tests.calls.length > before + 1);
    expect(here.stub.outcome(granted)).toBeUndefined();
    tests.aborts.add(other.id);
    expect(await endOf(here, granted)).toMatchObject({ outcome: "SUCCEEDED" });
    expect(tests.all.map(({ status }) => status)).toEqual(["CANCELED", "CANCELED"]);
    expect(here.stub.lines(granted, "stdout")).toEqual(["stopped"]);
  });

  it("sends many results, and large ones, in requests that the server takes", async () => {
    const here = await startTestRunner();
    const script = `const noise = "\\x1b".repeat(60_000);
      const cases = Array.from({ length: 1_200 }, (_, n) => '<testcase name="t' + n + '">' + (n % 300 === 0 ? "<failure>" + noise + "</failure>" : "") + "</testcase>");
      require("node:fs").writeFileSync("r.xml", "<testsuite>" + cases.join("") + "</testsuite>");`;
    const granted = testTask({
      run: `"${process.execPath}" -e '${script.replaceAll("'", `'\\''`)}'`,
      report: junit("r.xml"),
    });
    expect(await runTask(here, granted, 60_000)).toMatchObject({ outcome: "SUCCEEDED", error: null });
    const tests = here.stub.tests(granted);
    expect([tests.count("PASSED"), tests.count("FAILED")]).toEqual([1_196, 4]);
    expect(tests.of("t0").result!.details).toMatch(/\[cut here\]$/);
    expect(Math.max(...tests.calls.map(({ results }) => results?.length ?? 0))).toBeLessThanOrEqual(500);
  });
});
