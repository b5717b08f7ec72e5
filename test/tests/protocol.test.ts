import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type ProtocolRunner, type ProtocolTask, startProtocolRunner } from "../support/protocol-runner.ts";
import { startTestServer, type TestServer } from "../support/server.ts";
import { waitFor } from "../support/wait-for.ts";
import { deploy } from "../support/workflows.ts";
import {
  act,
  done,
  eventsOf,
  executeAll,
  FLOW,
  keysOf,
  type Suite,
  startSuite,
  stateOf,
  testsOf,
  workOffSuite,
} from "./suite.ts";

const passed = () => ({ status: "PASSED" });
const SKIP_CLAIMS = { max: 1, waitMs: 0 };

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(async () => await server?.[Symbol.asyncDispose]());

let made = 0;
interface Stage {
  readonly suite: Suite;
  readonly runner: ProtocolRunner;
  readonly task: ProtocolTask;
  readonly queue: string;
}

/** A test step in the hands of a runner. */
async function newTask(more = ""): Promise<Stage> {
  const queue = `protocol-${made++}`;
  const workflow = await deploy(server.admin, FLOW(queue, more));
  const runner = await startProtocolRunner(server, { queues: [queue] });
  const suite = await startSuite(server.admin, workflow);
  const task = await runner.claimOne();
  await runner.start(task);
  return { suite, runner, task, queue };
}

const statuses = async (suite: Suite) =>
  Object.fromEntries((await testsOf(suite)).map(({ key, status }) => [key, status]));

describe("what a runner reports of tests", () => {
  it("is in the task, and counts once however often it is told", async () => {
    const { suite, runner, task } = await newTask();
    expect(task.spec).toMatchObject({
      run: "",
      test: {
        discover: "./list",
        run: "./one",
        report: null,
        parallel: 1,
        rediscover: true,
        testSuite: null,
        releaseIds: [],
        configuration: {},
      },
    });
    const found = { discovered: keysOf(3), discoveryComplete: true, take: 2 };
    const { tests } = await runner.reportTests(task, found);
    expect(tests).toMatchObject([
      { key: "t0000", name: "t0000", attempt: 1 },
      { key: "t0001", attempt: 1 },
    ]);
    // The answer got lost: the runner knows of neither, and is handed both again.
    expect(await runner.reportTests(task, found)).toMatchObject({ tests, open: 3 });
    const results = [
      { testId: tests[0]!.id, status: "FAILED", exitCode: 3, message: "m", details: "d", logPart: 1 },
    ];
    const running = [tests[1]!.id];
    const answers = [
      await runner.reportTests(task, { results, running }),
      await runner.reportTests(task, { results, running }),
    ];
    expect(answers).toEqual([answers[0], { tests: [], aborts: [], open: 2, stale: false }]);
    await executeAll(runner, task, passed);
    await runner.finish(task, "SUCCEEDED");
    expect(await runner.finish(task, "SUCCEEDED")).toBe("APPLIED");

    expect(await testsOf(suite)).toMatchObject([
      { key: "t0000", status: "FAILED", result: "FAILED", attempt: 1, message: "m", regression: "NEW" },
      { key: "t0001", status: "PASSED", result: "PASSED", attempt: 1, regression: null },
      { key: "t0002", status: "PASSED" },
    ]);
    const { nodes } = (await server.admin.request(
      `query ($ids: [ID!]!) { nodes(ids: $ids) { ... on TestRun { attempts { id number status exitCode details stepAttempt }
        can { action allowed } stepRun { stepRef } } } }`,
      { ids: [tests[0]!.id] },
    )) as { nodes: [{ attempts: [{ id: string }] }] };
    expect(nodes).toMatchObject([
      {
        attempts: [{ number: 1, status: "FAILED", exitCode: 3, details: "d", stepAttempt: 1 }],
        can: [
          { action: "rerunTestRuns", allowed: true },
          { action: "abortTestRuns", allowed: false },
          { action: "reviewTestRuns", allowed: true },
        ],
        stepRun: { stepRef: "unit" },
      },
    ]);
    const { id } = nodes[0].attempts[0];
    const { node } = (await server.admin.request("query ($id: ID!) { node(id: $id) { __typename id } }", {
      id,
    })) as {
      node: unknown;
    };
    expect(node).toEqual({ __typename: "TestAttempt", id });
    expect((await eventsOf(server, suite)).filter((event) => /Test/.test(event))).toEqual([
      "TestsDiscovered 0 3",
      "TestStatusChanged t0000 RUNNING",
      "TestStatusChanged t0001 RUNNING",
      "TestStatusChanged t0000 QUEUED",
      "TestStatusChanged t0001 QUEUED",
      "TestStatusChanged t0000 RUNNING",
      "TestStatusChanged t0001 RUNNING",
      "TestStatusChanged t0000 FAILED",
      "TestStatusChanged t0001 QUEUED",
      "TestStatusChanged t0001 RUNNING",
      "TestStatusChanged t0002 RUNNING",
      "TestStatusChanged t0001 PASSED",
      "TestStatusChanged t0002 PASSED",
    ]);
  });

  it("may come before its start, and is stale under any other fence", async () => {
    const { suite, runner, task } = await newTask();
    expect(await runner.reportTests({ ...task, fence: task.fence + 1 }, { take: 1 })).toMatchObject({
      stale: true,
    });
    const stranger = await startProtocolRunner(server, { queues: ["elsewhere"] });
    expect(await stranger.reportTests(task, { discovered: keysOf(1) })).toMatchObject({ stale: true });
    await workOffRest(runner, task);
    expect((await stateOf(suite)).step.status).toBe("SUCCEEDED");
    expect(await runner.reportTests(task, { take: 1 })).toMatchObject({ stale: true });
  });

  async function workOffRest(runner: ProtocolRunner, task: ProtocolTask): Promise<void> {
    await runner.reportTests(task, { discovered: keysOf(2), discoveryComplete: true });
    await executeAll(runner, task, passed);
    await runner.finish(task, "SUCCEEDED");
  }

  it("imports the cases of a report, each once for a lease", async () => {
    const { suite, runner, task } = await newTask();
    const test = { key: "a.B", name: "B", suite: "a", file: "a.js" };
    const results = [{ test, status: "PASSED", durationMs: 12.5, startedAt: "2026-01-01T00:00:00.000Z" }];
    await runner.reportTests(task, { results });
    await runner.reportTests(task, { results, discoveryComplete: true });
    await runner.finish(task, "SUCCEEDED");
    expect(await testsOf(suite)).toMatchObject([{ ...test, attempt: 1, durationMs: 12.5, status: "PASSED" }]);
    expect((await stateOf(suite)).step.status).toBe("SUCCEEDED");
  });

  it("refuses what makes no sense", async () => {
    const { runner, task } = await newTask();
    for (const report of [
      { take: 501 },
      { discovered: [{ key: "" }] },
      { results: [{ status: "PASSED" }] },
      { results: [{ test: { key: "a" }, status: "RUNNING" }] },
      { running: [task.stepRunId] },
    ]) {
      await expect(runner.reportTests(task, report)).rejects.toMatchObject({ codes: ["BAD_USER_INPUT"] });
    }
  });
});

describe("tests of a step that does not come to its end", () => {
  it("are queued again when their lease is gone, without discovery", async () => {
    const { suite, runner, task } = await newTask();
    const { tests } = await runner.reportTests(task, {
      discovered: keysOf(3),
      discoveryComplete: true,
      take: 2,
    });
    await runner.reportTests(task, {
      results: [{ testId: tests[0]!.id, status: "PASSED" }],
      running: [tests[1]!.id],
    });
    await runner.finish(task, "ABORTED");
    expect(await statuses(suite)).toEqual({ t0000: "PASSED", t0001: "QUEUED", t0002: "QUEUED" });
    const again = await workOffSuite(runner, [], passed);
    expect(again.task.spec.test).toMatchObject({ rediscover: false });
    expect(again.executed).toEqual(["t0001", "t0002"]);
    expect((await stateOf(suite)).step.status).toBe("SUCCEEDED");
  });

  it("end with it when the run is canceled", async () => {
    const { suite, runner, task } = await newTask();
    await runner.reportTests(task, { discovered: keysOf(2), discoveryComplete: true, take: 1 });
    await server.admin.request(
      "mutation ($id: ID!) { cancelWorkflowRun(input: { workflowRunId: $id }) { userErrors { code } } }",
      { id: suite.run.id },
    );
    expect((await runner.reportTests(task, { take: 5 })).tests).toEqual([]);
    await runner.finish(task, "ABORTED");
    expect(await testsOf(suite)).toMatchObject([
      { status: "CANCELED", statusReason: { code: "RUN_CANCELED" }, result: "ABORTED" },
      { status: "CANCELED" },
    ]);
    expect((await stateOf(suite)).run.status).toBe("CANCELED");
  });
});

describe("what people ask of tests", () => {
  it("reaches a running step without a new attempt", async () => {
    const { suite, runner, task } = await newTask();
    const { tests } = await runner.reportTests(task, {
      discovered: keysOf(2),
      discoveryComplete: true,
      take: 2,
    });
    const results = tests.map(({ id }) => ({ testId: id, status: "FAILED" }));
    await runner.reportTests(task, { results });
    await done(server.admin, "rerunTestRuns", { tests: { ids: [tests[1]!.id] } });
    // The runner has not asked since, and ends: the step goes on.
    await runner.finish(task, "SUCCEEDED");
    expect((await stateOf(suite)).step.status).toBe("QUEUED");
    expect(await workOffSuite(runner, [], passed)).toMatchObject({ executed: ["t0001"] });
    expect((await stateOf(suite)).step).toMatchObject({ status: "FAILED", attempt: 2 });
  });

  it("aborts queued tests at once, and running ones through their runner", async () => {
    const { suite, runner, task } = await newTask();
    const { tests } = await runner.reportTests(task, {
      discovered: keysOf(2),
      discoveryComplete: true,
      take: 1,
    });
    const [running] = tests;
    const matching = { step: { id: suite.step } };
    expect(
      await done(server.admin, "abortTestRuns", { tests: { matching }, reason: "enough" }),
    ).toMatchObject({
      count: 2,
      items: [],
    });
    expect(await testsOf(suite)).toMatchObject([
      { status: "RUNNING" },
      { status: "CANCELED", statusReason: { code: "ABORTED", message: "enough" } },
    ]);
    expect(await runner.reportTests(task, { running: [running!.id] })).toMatchObject({
      aborts: [running!.id],
    });
    await runner.reportTests(task, { results: [{ testId: running!.id, status: "CANCELED" }] });
    await runner.finish(task, "SUCCEEDED");
    expect(await testsOf(suite)).toMatchObject([
      { status: "CANCELED", statusReason: { code: "ABORTED" } },
      { status: "CANCELED" },
    ]);
    expect((await stateOf(suite)).step.statusReason.message).toBe("2 of 2 tests did not pass");
  });

  it("has an outcome for each test", async () => {
    const { suite, runner, task } = await newTask();
    await runner.reportTests(task, { discovered: keysOf(1), discoveryComplete: true });
    const [{ id }] = await testsOf(suite);
    const answer = await done(server.admin, "rerunTestRuns", { tests: { ids: [id, "test_nothing"] } });
    expect(answer).toMatchObject({
      count: 0,
      items: [
        { outcome: "NOT_ELIGIBLE", error: "the test is QUEUED" },
        { outcome: "NOT_FOUND", testRun: null },
      ],
    });
    expect(
      (await act(server.admin, "rerunTestRuns", { tests: { ids: ["nothing"] } })).userErrors,
    ).toMatchObject([{ code: "NOT_FOUND" }]);
  });

  it("submits tests with what they are about, and those alone are executed", async () => {
    const { suite, runner, task } = await newTask();
    await runner.reportTests(task, { discovered: keysOf(2), discoveryComplete: true });
    await executeAll(runner, task, passed);
    await runner.finish(task, "SUCCEEDED");
    await done(server.admin, "submitTests", {
      step: { id: suite.step },
      testSuite: "smoke",
      releaseIds: ["r1", "r2"],
      configuration: { browser: "none" },
      tests: [{ key: "t0001" }, { key: "new", name: "A new one" }],
    });
    expect(await statuses(suite)).toEqual({ t0000: "PASSED", t0001: "QUEUED", new: "QUEUED" });
    const submitted = await workOffSuite(runner, [], passed);
    expect(submitted.executed).toEqual(["t0001", "new"]);
    expect(submitted.task.spec.test).toMatchObject({
      rediscover: false,
      testSuite: "smoke",
      releaseIds: ["r1", "r2"],
      configuration: { browser: "none" },
    });
    expect((await stateOf(suite)).run.status).not.toBe("FAILED");

    await done(server.admin, "submitTests", { step: { id: suite.step }, testSuite: "all" });
    const all = await workOffSuite(runner, keysOf(2), passed);
    expect([all.task.spec.test!["rediscover"], all.executed]).toEqual([true, ["t0000", "t0001"]]);
    expect(await testsOf(suite)).toMatchObject([
      { gone: false },
      { gone: false },
      { key: "new", gone: true },
    ]);
  });

  it("discovers again: new tests are executed, those that are gone no longer count", async () => {
    const { suite, runner, task } = await newTask();
    await runner.reportTests(task, { discovered: keysOf(3), discoveryComplete: true });
    await executeAll(runner, task, (key) => ({ status: key === "t0000" ? "FAILED" : "PASSED" }));
    await runner.finish(task, "SUCCEEDED");
    expect((await stateOf(suite)).step.status).toBe("FAILED");
    await done(server.admin, "rediscoverTests", { step: { id: suite.step } });
    const again = await workOffSuite(runner, keysOf(3, 1), passed);
    expect(again.executed).toEqual(["t0003"]);
    expect((await stateOf(suite)).step).toMatchObject({ status: "SUCCEEDED", testRunCounts: { total: 3 } });
  });

  it("discovers and executes all of them when the step is retried", async () => {
    const { suite, runner, task } = await newTask();
    await runner.reportTests(task, { discovered: keysOf(2), discoveryComplete: true });
    await executeAll(runner, task, (key) => ({ status: key === "t0000" ? "ERRORED" : "PASSED" }));
    await runner.finish(task, "SUCCEEDED");
    await server.admin.request(
      "mutation ($id: ID!) { retryStepRun(input: { step: { id: $id } }) { userErrors { code } } }",
      { id: suite.step },
    );
    expect((await workOffSuite(runner, keysOf(2), passed)).executed).toEqual(["t0000", "t0001"]);
    expect(await testsOf(suite)).toMatchObject([{ regression: "FLAKY" }, { attempt: 2, regression: null }]);
  });

  it("is refused to those who may only read, and to strangers", async () => {
    const { suite, runner, task } = await newTask();
    await runner.reportTests(task, { discovered: keysOf(1), discoveryComplete: true });
    const reader = await server.clientWith("default", "PROJECT_USER");
    const stranger = await server.clientWith("others", "PROJECT_ADMIN");
    const tests = { matching: { step: { id: suite.step } } };
    await expect(act(reader, "abortTestRuns", { tests })).rejects.toMatchObject({ codes: ["FORBIDDEN"] });
    expect((await act(stranger, "abortTestRuns", { tests })).userErrors).toMatchObject([
      { code: "NOT_FOUND" },
    ]);
  });

  it("wakes the runners that wait for work", async () => {
    const { suite, runner, task } = await newTask();
    await runner.reportTests(task, { discovered: keysOf(1), discoveryComplete: true });
    await executeAll(runner, task, passed);
    await runner.finish(task, "SUCCEEDED");
    expect(await runner.claim(SKIP_CLAIMS)).toEqual([]);
    const [{ id }] = await testsOf(suite);
    const [claimed] = await Promise.all([
      runner.claimOne(),
      done(server.admin, "rerunTestRuns", { tests: { ids: [id] } }),
    ]);
    expect(claimed.attempt).toBe(2);
    await waitFor("the test to be queued", async () => (await statuses(suite))["t0000"] === "QUEUED");
  });
});
