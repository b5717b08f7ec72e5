import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import { describe, expect, it } from "vitest";
import { isAlive, pidIn, runTask, startTestRunner, type TestRunner, until, workspaceOf } from "./harness.ts";
import { testTask } from "./tests.ts";

/** Many processes take their time on a busy machine. */
const MANY_DEADLINE_MS = 60_000;

describe("a step with discovered tests", () => {
  it("executes each with its variables, result and own log", async () => {
    const here = await startTestRunner();
    const granted = testTask({
      discover: `echo '# a comment'; echo; echo passes
        echo '{"id": "fails", "name": "It fails", "suite": "s", "file": "f.spec"}'
        echo '{"key": "skips"}'; echo killed; echo passes; echo "listing $RUNCAST_TEST_SUITE" >&2`,
      run: `echo "$RUNCAST_TEST_ID|$RUNCAST_TEST_NAME|$RUNCAST_TEST_ATTEMPT|$RUNCAST_TEST_SUITE|$RUNCAST_RELEASE_IDS|$(cat "$RUNCAST_TEST_CONFIGURATION")\${RUNCAST_OUTPUT-}"
        case "$RUNCAST_TEST_ID" in
          fails) echo "expected 1, got 2" >&2; exit 3 ;;
          skips) echo "not on this machine"; exit 77 ;;
          killed) kill -SEGV $$ ;;
        esac`,
      testSuite: "smoke",
      releaseIds: ["r1", "r2"],
      configuration: { a: 1 },
    });
    const report = await runTask(here, granted);
    expect(report).toMatchObject({ outcome: "SUCCEEDED", exitCode: null, error: null });
    const tests = here.stub.tests(granted);
    expect(tests.complete).toBe(true);
    expect(tests.all).toMatchObject([
      { key: "passes", name: "passes", status: "PASSED", result: { exitCode: 0, message: null } },
      {
        key: "fails",
        name: "It fails",
        suite: "s",
        file: "f.spec",
        status: "FAILED",
        result: { exitCode: 3, message: "expected 1, got 2" },
      },
      { key: "skips", status: "SKIPPED", result: { exitCode: 77, message: "not on this machine" } },
      { key: "killed", status: "ERRORED", result: { exitCode: null, message: "killed by SIGSEGV" } },
    ]);
    const { logPart, logLength, logCrc32, startedAt, durationMs } = tests.of("fails").result!;
    await until("the test's log", () => here.stub.logBytes(granted, logPart!) === logLength);
    const log = here.stub.log(granted, logPart!);
    expect(crc32(log).toString(16).padStart(8, "0")).toBe(logCrc32);
    expect(here.stub.lines(granted, "stdout", logPart!)).toEqual(['fails|It fails|1|smoke|r1,r2|{"a":1}']);
    expect(here.stub.lines(granted, "system", logPart!)).toEqual(["exit code 3"]);
    expect([Date.parse(startedAt!) > 0, durationMs! > 0]).toEqual([true, true]);
    expect(here.stub.lines(granted, "stderr")).toEqual(["listing smoke"]);
    const told = here.stub.lines(granted, "system").filter((line) => !/^\d+\/4 done/.test(line));
    expect(told).toEqual([
      "discovered 4 tests",
      "ignored 1 that were named before",
      "FAILED fails: expected 1, got 2",
      "ERRORED killed: killed by SIGSEGV",
      "4 tests done, 2 failed, 1 skipped",
    ]);
  });

  it("keeps as many running as it may, and sends few and small requests", async () => {
    const here = await startTestRunner();
    const granted = testTask({ discover: "seq 1 520", run: "true", parallel: 8 });
    const tests = here.stub.tests(granted);
    tests.wants = (key) => Number(key) <= 60;
    expect(await runTask(here, granted, MANY_DEADLINE_MS)).toMatchObject({ outcome: "SUCCEEDED" });
    expect(tests.count("PASSED")).toBe(60);
    expect(tests.all.every(({ attempt, status }) => attempt === (status === "PASSED" ? 1 : 0))).toBe(true);
    expect(tests.calls.map(({ discovered }) => discovered?.length ?? 0).slice(0, 2)).toEqual([500, 20]);
    expect(tests.mostRunning).toBeGreaterThanOrEqual(8);
    expect(here.stub.lines(granted, "system")).toContain("60 tests done, 0 failed, 0 skipped");
  });

  it("never has more of them at once than it may", async () => {
    const here = await startTestRunner();
    const run = `mkdir slot-1 2>/dev/null && slot=1 || { mkdir slot-2 && slot=2; }
      sleep 0.02; rmdir slot-$slot`;
    const granted = testTask({ discover: "seq 1 12", run, parallel: 2 });
    await runTask(here, granted);
    expect(here.stub.tests(granted).count("PASSED")).toBe(12);
  });

  it("executes what the server hands out, without looking for more, and what is added meanwhile", async () => {
    const here = await startTestRunner();
    const granted = testTask({
      discover: "exit 1",
      run: 'echo "$RUNCAST_TEST_ATTEMPT"; touch "ran-$RUNCAST_TEST_ID"; while [ -e wait ]; do sleep 0.01; done; test ! -e wait',
      rediscover: false,
    });
    const tests = here.stub.tests(granted);
    tests.queue("first").attempt = 4;
    here.stub.once("reportTestRuns", { after: async () => void tests.queue("added") });
    expect(await runTask(here, granted)).toMatchObject({ outcome: "SUCCEEDED" });
    expect(tests.all).toMatchObject([
      { status: "PASSED", attempt: 5 },
      { status: "PASSED", attempt: 1 },
    ]);
    expect(tests.calls.flatMap(({ discovered }) => discovered)).toEqual([]);
    expect(here.stub.lines(granted, "stdout", tests.of("first").result!.logPart!)).toEqual(["5"]);
  });

  it("loses no test and no result with lost requests and answers", async () => {
    const here = await startTestRunner();
    const granted = testTask({ discover: "seq 1 40", run: "echo $RUNCAST_TEST_ID >> ran", parallel: 4 });
    for (const fault of ["DROP_ANSWER", "CUT", "DROP_ANSWER"] as const) {
      here.stub.once("reportTestRuns", {});
      here.stub.once("reportTestRuns", fault);
    }
    expect(await runTask(here, granted, MANY_DEADLINE_MS)).toMatchObject({ outcome: "SUCCEEDED" });
    expect(here.stub.tests(granted).count("PASSED")).toBe(40);
    const ran = readFileSync(join(workspaceOf(here.workDirectory, granted), "ran"), "utf8")
      .trim()
      .split("\n");
    expect(ran.toSorted()).toEqual(Array.from({ length: 40 }, (_, index) => `${index + 1}`).toSorted());
  });

  it("fails when its discovery fails, and tells no test then", async () => {
    const here = await startTestRunner();
    const faults = {
      "echo a; exit 3": /^discovery failed: exit code 3$/,
      [`echo a; echo; echo '{"id": '`]: /^discovery failed: line 3 is no valid JSON .*: \{"id":$/,
      [`echo '{"name": "x"}'`]: /line 1 is a JSON object without the text "id"/,
      "printf 'x%.0s' $(seq 1 501)": /line 1 is an id that has more than 500 characters/,
      "kill -KILL $$": /^discovery failed: killed by SIGKILL$/,
    };
    for (const [discover, error] of Object.entries(faults)) {
      const granted = testTask({ discover, run: "true" });
      const report = await runTask(here, granted);
      expect(report).toMatchObject({ outcome: "FAILED", error: expect.stringMatching(error) });
      expect(here.stub.tests(granted).calls).toEqual([]);
    }
    const empty = testTask({ discover: "true", run: "true" });
    expect(await runTask(here, empty)).toMatchObject({ outcome: "SUCCEEDED" });
    expect(here.stub.tests(empty)).toMatchObject({ complete: true, all: [] });
  });
});

describe("a test's processes", () => {
  let here: TestRunner;
  /** Says where it and its child that left the session are, and stays. */
  const STAY = `trap '' TERM; setsid sleep 300 & echo $! > "child-$RUNCAST_TEST_ID"; echo $$ > "self-$RUNCAST_TEST_ID"
    while :; do sleep 0.05; done`;

  const pidsOf = async (granted: ReturnType<typeof testTask>, key: string) => {
    const workspace = workspaceOf(here.workDirectory, granted);
    return [await pidIn(join(workspace, `child-${key}`)), await pidIn(join(workspace, `self-${key}`))];
  };

  it("die when it takes too long, and the others go on", async () => {
    here = await startTestRunner();
    const granted = testTask(
      {
        discover: "echo long; echo short",
        run: `case $RUNCAST_TEST_ID in short) exit 0;; esac; ${STAY}`,
        testTimeoutMs: 400,
      },
      { graceMs: 100 },
    );
    expect(await runTask(here, granted)).toMatchObject({ outcome: "SUCCEEDED" });
    expect((await pidsOf(granted, "long")).map(isAlive)).toEqual([false, false]);
    const tests = here.stub.tests(granted);
    expect(tests.of("long")).toMatchObject({
      status: "TIMED_OUT",
      result: { message: "timed out after 0.4 s" },
    });
    expect(tests.of("short").status).toBe("PASSED");
  });

  it("die when it alone is aborted", async () => {
    here = await startTestRunner();
    const granted = testTask({ discover: "echo a; echo b", run: STAY, parallel: 2 }, { graceMs: 50 });
    here.stub.offer(granted);
    const [a, b] = [await pidsOf(granted, "a"), await pidsOf(granted, "b")];
    const tests = here.stub.tests(granted);
    tests.aborts.add(tests.of("a").id);
    await until("a is told", () => tests.of("a").status === "CANCELED");
    expect([a, b].map((pids) => pids.map(isAlive))).toEqual([
      [false, false],
      [true, true],
    ]);
    tests.aborts.add(tests.of("b").id);
    await until("the end", () => here.stub.outcome(granted) === "SUCCEEDED");
    expect(b.map(isAlive)).toEqual([false, false]);
  });

  it("die with their step: canceled, out of time, or given to another", async () => {
    here = await startTestRunner();
    const canceled = testTask({ discover: "echo a; echo b", run: STAY, parallel: 2 }, { graceMs: 50 });
    here.stub.offer(canceled);
    const pids = [...(await pidsOf(canceled, "a")), ...(await pidsOf(canceled, "b"))];
    here.stub.cancel(canceled);
    await until("its end", () => here.stub.outcome(canceled) === "ABORTED");
    expect(pids.map(isAlive)).toEqual([false, false, false, false]);
    expect(here.stub.tests(canceled).count("CANCELED")).toBe(2);

    const late = testTask({ discover: "echo a; echo b", run: STAY }, { timeoutMs: 1_000, graceMs: 50 });
    expect(await runTask(here, late)).toMatchObject({ outcome: "TIMED_OUT", error: "timed out after 1 s" });
    expect((await pidsOf(late, "a")).map(isAlive)).toEqual([false, false]);

    const lost = testTask({ discover: "echo a", run: STAY });
    here.stub.offer(lost);
    const lostPids = await pidsOf(lost, "a");
    here.stub.tests(lost).stale = true;
    await until("both are dead", () => !lostPids.some(isAlive));
    await until(
      "it is no longer held",
      () => !here.stub.heartbeats.at(-1)!.held.some(({ stepRunId }) => stepRunId === lost.stepRunId),
    );
    expect(here.stub.reportsOf(lost).map(({ kind }) => kind)).toEqual(["STARTED"]);
  });

  it("that are left running die at its end, or at that of the step where they left its group", async () => {
    here = await startTestRunner();
    const granted = testTask({
      discover: "echo a; echo b",
      run: `sleep 300 & echo $! > "near-$RUNCAST_TEST_ID"
        setsid sleep 300 > /dev/null 2>&1 & echo $! > "far-$RUNCAST_TEST_ID"
        while [ "$(cut -d' ' -f6 /proc/$!/stat)" != $! ]; do sleep 0.01; done`,
    });
    expect(await runTask(here, granted)).toMatchObject({ outcome: "SUCCEEDED" });
    const workspace = workspaceOf(here.workDirectory, granted);
    for (const file of ["near-a", "near-b", "far-a", "far-b"]) {
      expect(existsSync(join(workspace, file)), file).toBe(true);
      expect(isAlive(await pidIn(join(workspace, file))), file).toBe(false);
    }
    expect(here.stub.lines(granted, "system")).toContain("killed 2 processes left running");
  });
});
