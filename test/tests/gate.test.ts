import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ManualClock } from "../support/manual-clock.ts";
import { type ProtocolRunner, startProtocolRunner } from "../support/protocol-runner.ts";
import { startTestServer, type TestServer } from "../support/server.ts";
import { deploy } from "../support/workflows.ts";
import {
  act,
  done,
  eventsOf,
  FLOW,
  keysOf,
  type Suite,
  startSuite,
  stateOf,
  testsOf,
  workOffSuite,
} from "./suite.ts";

const DAY_MS = 24 * 60 * 60 * 1_000;
const passed = () => ({ status: "PASSED" });
const failing =
  (...keys: string[]) =>
  (key: string) =>
    keys.includes(key) ? { status: "FAILED", exitCode: 1, message: "no" } : { status: "PASSED", exitCode: 0 };

let server: TestServer;
const clock = new ManualClock();
beforeAll(async () => {
  server = await startTestServer({ clock });
});
afterAll(async () => await server?.[Symbol.asyncDispose]());

let made = 0;
async function newSuite(more = ""): Promise<{ suite: Suite; runner: ProtocolRunner; workflow: string }> {
  const name = `gate-${made++}`;
  const workflow = await deploy(server.admin, FLOW(name, more));
  const runner = await startProtocolRunner(server, { queues: [name] });
  return { suite: await startSuite(server.admin, workflow), runner, workflow };
}

async function idsOf(suite: Suite, ...keys: string[]): Promise<string[]> {
  return (await testsOf(suite)).filter(({ key }) => keys.includes(key)).map(({ id }) => id);
}

describe("the gate of a test step", () => {
  it("follows a rerun and reviews of 2,000 tests, live", async () => {
    const { suite, runner, workflow } = await newSuite();
    const keys = keysOf(2_000);
    const bad = keys.slice(0, 20).map(({ key }) => key);
    const first = await workOffSuite(runner, keys, failing(...bad));
    expect(first.executed).toHaveLength(2_000);
    expect(await stateOf(suite)).toMatchObject({
      run: { status: "FAILED", statusReason: { code: "GATE" } },
      step: {
        status: "FAILED",
        statusReason: { code: "GATE", message: "20 of 2000 tests did not pass" },
        testRunCounts: { total: 2_000, passed: 1_980, failed: 20, queued: 0, running: 0 },
      },
    });

    const [one, ...nineteen] = await idsOf(suite, ...bad);
    expect(await done(server.admin, "rerunTestRuns", { tests: { ids: [one] } })).toMatchObject({
      count: 1,
      items: [{ outcome: "DONE", testRun: { key: "t0000", status: "QUEUED" } }],
    });
    expect((await stateOf(suite)).run.status).not.toBe("FAILED");
    expect(await workOffSuite(runner, keys, passed)).toMatchObject({ executed: ["t0000"] });
    expect((await stateOf(suite)).run.status).toBe("FAILED");

    const approved = nineteen.slice(0, 18);
    await done(server.admin, "reviewTestRuns", { tests: { ids: approved }, status: "APPROVED" });
    expect(await stateOf(suite)).toMatchObject({
      run: { status: "FAILED" },
      step: { testRunCounts: { approved: 18, failed: 19 } },
    });

    const waive = { tests: { ids: nineteen }, status: "WAIVED", comment: "known" };
    expect(await done(server.admin, "reviewTestRuns", waive)).toMatchObject({ count: 19 });
    expect(await stateOf(suite)).toMatchObject({
      run: { status: expect.stringMatching(/^(QUEUED|RUNNING)$/) },
      step: { status: "SUCCEEDED", statusReason: null, testRunCounts: { waived: 19 } },
    });
    // What came after it was skipped, and goes now.
    const shipper = await startProtocolRunner(server, { queues: [`gate-${made - 1}-ship`] });
    expect(await shipper.workOff()).toHaveLength(1);
    expect((await stateOf(suite)).run.status).toBe("SUCCEEDED");

    const { flakyTests } = (await server.admin.request(
      "query ($id: ID!) { flakyTests(workflowId: $id) { key runs flakyRuns newest { regression attempt attempts { status } } } }",
      { id: workflow },
    )) as { flakyTests: unknown[] };
    expect(flakyTests).toEqual([
      {
        key: "t0000",
        runs: 1,
        flakyRuns: 1,
        newest: { regression: "FLAKY", attempt: 2, attempts: [{ status: "FAILED" }, { status: "PASSED" }] },
      },
    ]);
  });

  it("fails a step that had succeeded when a test is rejected, and undoes nothing", async () => {
    const { suite, runner } = await newSuite();
    await workOffSuite(runner, keysOf(2), passed);
    const shipper = await startProtocolRunner(server, { queues: [`gate-${made - 1}-ship`] });
    await shipper.workOff();
    expect((await stateOf(suite)).run.status).toBe("SUCCEEDED");
    const before = (await eventsOf(server, suite)).length;
    const tests = { ids: await idsOf(suite, "t0001") };
    await done(server.admin, "reviewTestRuns", { tests, status: "REJECTED", comment: "it asserts nothing" });
    expect(await stateOf(suite)).toMatchObject({
      run: { status: "FAILED" },
      step: { status: "FAILED", statusReason: { code: "GATE", message: "1 was rejected" } },
    });
    expect((await eventsOf(server, suite)).slice(before)).toEqual([
      "RunReopened",
      "TestReviewed t0001 REJECTED",
      "StepStatusChanged 0 FAILED",
      "StageStatusChanged FAILED",
      "RunStatusChanged FAILED",
      "RunFinished",
    ]);
    await done(server.admin, "reviewTestRuns", { tests, status: "WAIVED" });
    expect(await stateOf(suite)).toMatchObject({
      run: { status: "SUCCEEDED" },
      step: { status: "SUCCEEDED" },
    });
  });

  it("forgets an approval and a rejection with a rerun, and keeps a waiver", async () => {
    const { suite, runner } = await newSuite();
    await workOffSuite(runner, keysOf(3), failing("t0000", "t0001", "t0002"));
    for (const [key, status] of [
      ["t0000", "APPROVED"],
      ["t0001", "REJECTED"],
      ["t0002", "WAIVED"],
    ] as const) {
      await done(server.admin, "reviewTestRuns", { tests: { ids: await idsOf(suite, key) }, status });
    }
    await done(server.admin, "rerunTestRuns", { tests: { matching: { step: { id: suite.step } } } });
    expect(
      (await testsOf(suite)).map(({ status, review, waived }) => [status, review?.status, waived]),
    ).toEqual([
      ["QUEUED", undefined, false],
      ["QUEUED", undefined, false],
      ["QUEUED", "WAIVED", true],
    ]);
  });

  it("lets a waiver hold in later runs until it ends, which changes no run that has ended", async () => {
    const { suite, runner, workflow } = await newSuite();
    await workOffSuite(runner, keysOf(1), failing("t0000"));
    const expiresAt = new Date(clock.now().getTime() + DAY_MS).toISOString();
    const tests = { ids: await idsOf(suite, "t0000") };
    await done(server.admin, "reviewTestRuns", { tests, status: "WAIVED", expiresAt });
    expect((await stateOf(suite)).step.status).toBe("SUCCEEDED");

    // Runs of one millisecond have no order.
    clock.advance(1);
    const second = await startSuite(server.admin, workflow);
    await workOffSuite(runner, keysOf(1), failing("t0000"));
    expect((await stateOf(second)).step.status).toBe("SUCCEEDED");
    expect(await testsOf(second)).toMatchObject([{ waived: true, review: null, regression: "KNOWN" }]);

    clock.advance(DAY_MS);
    expect((await stateOf(second)).step.status).toBe("SUCCEEDED");
    expect(await testsOf(second)).toMatchObject([{ waived: false }]);
    const late = await startProtocolRunner(server, { queues: [`gate-${made - 1}`] });
    const third = await startSuite(server.admin, workflow);
    await workOffSuite(late, keysOf(1), failing("t0000"));
    expect((await stateOf(third)).step).toMatchObject({ status: "FAILED", statusReason: { code: "GATE" } });
  });

  it("fails without tests, unless that is allowed", async () => {
    const { suite, runner } = await newSuite();
    await workOffSuite(runner, [], passed);
    expect((await stateOf(suite)).step.statusReason).toEqual({
      code: "GATE",
      message: "no tests were found",
    });

    const workflow = await deploy(
      server.admin,
      "name: empty\nstages: [{ name: a, steps: [{ ref: unit, type: test, queue: empty, test: { discover: ./l, run: ./o, allowEmpty: true } }] }]\n",
    );
    const tolerant = await startSuite(server.admin, workflow);
    await workOffSuite(await startProtocolRunner(server, { queues: ["empty"] }), [], passed);
    expect((await stateOf(tolerant)).run.status).toBe("SUCCEEDED");
  });

  it("executes only what failed when the step is tried again by its policy", async () => {
    const { suite, runner } = await newSuite(", retry: { attempts: 2, backoff: 0s }");
    const first = await workOffSuite(runner, keysOf(3), failing("t0001"));
    expect(first.task.spec.test).toMatchObject({ rediscover: true });
    const again = await workOffSuite(runner, keysOf(3), passed);
    expect([again.task.spec.test!["rediscover"], again.executed]).toEqual([false, ["t0001"]]);
    expect((await stateOf(suite)).step).toMatchObject({
      status: "SUCCEEDED",
      attempt: 2,
      attempts: [{ status: "FAILED" }, { status: "SUCCEEDED" }],
    });
    expect((await testsOf(suite))[1]).toMatchObject({ regression: "FLAKY", attempt: 2 });
  });

  it("does not look again at a step that failed by itself", async () => {
    const { suite, runner } = await newSuite();
    const task = await runner.claimOne();
    await runner.start(task);
    await runner.reportTests(task, { results: [{ test: { key: "a" }, status: "PASSED" }] });
    await runner.finish(task, "FAILED", { error: "report b.xml cannot be read" });
    const tests = { ids: (await testsOf(suite)).map(({ id }) => id) };
    await done(server.admin, "reviewTestRuns", { tests, status: "WAIVED" });
    expect((await stateOf(suite)).step).toMatchObject({
      status: "FAILED",
      statusReason: { code: "EXIT_CODE" },
    });
  });

  it("is not asked about runs that are sealed", async () => {
    const { suite, runner } = await newSuite();
    await workOffSuite(runner, keysOf(1), failing("t0000"));
    await server.admin.request(
      "mutation ($id: ID!) { finalizeWorkflowRun(input: { workflowRunId: $id }) { userErrors { code } } }",
      { id: suite.run.id },
    );
    const tests = { ids: await idsOf(suite, "t0000") };
    for (const [mutation, more] of [
      ["rerunTestRuns", {}],
      ["reviewTestRuns", { status: "WAIVED" }],
    ] as const) {
      const { userErrors, count } = await act(server.admin, mutation, { tests, ...more });
      expect([userErrors[0], count]).toMatchObject([{ code: "INVALID_STATE", current: "FINALIZED" }, 0]);
    }
  });
});

describe("a runner that ends and leaves tests undone", () => {
  it("is given up after five such ends in a row; a result starts the count anew", async () => {
    const { suite, runner } = await newSuite();
    const end = async (report: object, results = 0) => {
      const task = await runner.claimOne();
      await runner.start(task);
      const { tests } = await runner.reportTests(task, { ...report, take: 1 });
      const told = tests.slice(0, results).map(({ id }) => ({ testId: id, status: "PASSED" }));
      if (told.length > 0) await runner.reportTests(task, { results: told });
      expect(await runner.finish(task, "SUCCEEDED")).toBe("APPLIED");
      return (await stateOf(suite)).step.status;
    };
    expect(await end({ discovered: keysOf(3), discoveryComplete: true })).toBe("QUEUED");
    for (let i = 0; i < 3; i++) expect(await end({})).toBe("QUEUED");
    expect(await end({}, 1)).toBe("QUEUED");
    for (let i = 0; i < 4; i++) expect(await end({})).toBe("QUEUED");
    expect(await end({})).toBe("FAILED");
    const { step, run } = await stateOf(suite);
    expect(step.statusReason).toEqual({ code: "ERROR", message: "its runner left tests undone" });
    expect(step.testRunCounts).toMatchObject({ passed: 1, canceled: 2 });
    expect(run.status).toBe("FAILED");

    await done(server.admin, "retryStepRun", { step: { id: suite.step } });
    expect(await end({ discovered: keysOf(3), discoveryComplete: true })).toBe("QUEUED");
  });
});
