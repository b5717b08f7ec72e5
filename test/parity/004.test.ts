/**
 * The workflow execution service of reference 004. Its words here: envs -> envVars, runIds -> runs.ids, workflowId ->
 * runs.workflowId, cancelled -> CANCELED (or CANCELING until its processes are dead), not_eligible -> ALREADY_CANCELED
 * or NOT_ELIGIBLE, page and limit -> offset and first, activity run -> step run, stepId -> workflowStepId, outputs ->
 * output, activity-run -> StepStatusChanged, workflow-run -> RunStatusChanged, result and error -> RunFinished; ping is
 * one of the socket's own protocol, thinking -> StepTraced of kind THINKING.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Subscription } from "../api/sockets.ts";
import { type Answer, type Fields, RunningSystem, STREAM, stagesOf } from "./running-system.ts";
import { isAlive } from "./scene.ts";

const TIME = expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
const EXECUTED = `finished workflowRun { id status result outputs error inputs envVars { key value }
  stepRuns { nodes { stepRef status } } }`;
const CANCELED = `canceledCount failedCount total operation { id }
  items { workflowRunId outcome error originalRun { id } }`;

let system: RunningSystem;
beforeAll(async () => {
  system = await RunningSystem.start();
});
afterAll(async () => await system[Symbol.asyncDispose]());

describe("execute", () => {
  it("004: execute, blocking", async () => {
    const scene = system.scene();
    const told = `echo "$WHO $LEVEL" >> ${scene.path("told")}; echo "text=hello $WHO" >> "$RUNCAST_OUTPUT"`;
    const definition = {
      inputs: { who: { type: "string", default: "world" } },
      outputs: { greeting: "${{ steps.greet.outputs.text }}!" },
      stages: stagesOf([[scene.step("greet", told)]]),
    };
    const workflowId = await system.deploy(definition);
    const given = { inputs: { who: "ada" }, envVars: [{ key: "LEVEL", value: "high" }] };
    const answer = await system.act("executeWorkflow", { workflowId, ...given }, EXECUTED);
    expect(answer).toMatchObject({
      finished: true,
      workflowRun: {
        status: "SUCCEEDED",
        result: "PASSED",
        outputs: { greeting: "hello ada!" },
        error: null,
        ...given,
        stepRuns: { nodes: [{ stepRef: "greet", status: "SUCCEEDED" }] },
      },
    });
    const byDefault = await system.act("executeWorkflow", { workflowId }, EXECUTED);
    expect(byDefault.workflowRun.outputs).toEqual({ greeting: "hello world!" });
    expect(scene.lines("told").map((line) => line.trim())).toEqual(["ada high", "world"]);
  });

  it("004: execute, blocking, of a run that fails", async () => {
    const scene = system.scene();
    const workflowId = await system.deploy({ stages: stagesOf([[scene.step("bad", "exit 3")]]) });
    const answer = await system.act("executeWorkflow", { workflowId }, EXECUTED);
    expect(answer).toMatchObject({
      finished: true,
      workflowRun: { status: "FAILED", error: 'step "bad" failed: exit code 3' },
    });
  });

  it("004: execute, blocking, for less time than the run takes", async () => {
    const scene = system.scene();
    const workflowId = await system.deploy({ stages: stagesOf([[scene.heldStep("held")]]) });
    const key = { workflowId, idempotencyKey: "execute-held" };
    const early = await system.act("executeWorkflow", { ...key, waitMs: 20 }, EXECUTED);
    expect(early.finished).toBe(false);
    expect(early.workflowRun.status).toMatch(/QUEUED|RUNNING/);
    await system.processes(scene, early.workflowRun.id, "held");
    const later = system.act("executeWorkflow", { ...key, waitMs: 60_000 }, EXECUTED);
    scene.open("held");
    expect(await later).toMatchObject({
      finished: true,
      workflowRun: { id: early.workflowRun.id, status: "SUCCEEDED" },
    });
    expect(scene.count("held")).toBe(1);
  });

  it("004: execute, stream", async () => {
    const scene = system.scene();
    const { id, stepRuns } = await system.begin([[scene.step("a")], [scene.heldStep("b")]]);
    const stream = follow(id);
    await stream.until((message) => message.__typename === "CaughtUp");
    await system.processes(scene, id, "b");
    await stream.until(
      (message) => message["stepStatus"] === "RUNNING" && message["stepRun"].stepRef === "b",
    );
    scene.open("b");
    const messages = await stream.all();
    await stream[Symbol.asyncDispose]();
    const events = messages.filter(({ __typename }) => __typename !== "CaughtUp");
    expect(messages.length - events.length).toBe(1);
    expect(events.map(({ seq }) => seq)).toEqual(events.map((_, index) => index + 1));

    const steps = events.filter(({ __typename }) => __typename === "StepStatusChanged");
    const of = (ref: string) => steps.filter((event) => event["stepRun"].stepRef === ref);
    for (const { stepRef: ref, id: stepId } of stepRuns.nodes) {
      expect(of(ref).map(({ stepStatus }) => stepStatus)).toEqual(["QUEUED", "RUNNING", "SUCCEEDED"]);
      expect(of(ref)[0]).toMatchObject({ stepRun: { id: stepId }, workflowRun: { id } });
    }
    const runs = events.filter(({ __typename }) => __typename === "RunStatusChanged");
    expect(runs.map(({ runStatus }) => runStatus)).toEqual(["QUEUED", "RUNNING", "SUCCEEDED"]);
    expect(runs[0]).toMatchObject({ workflowRun: { id } });
    expect(events.slice(-2)).toMatchObject([
      { __typename: "RunStatusChanged", runStatus: "SUCCEEDED" },
      { __typename: "RunFinished", success: true, error: null, workflowRun: { id, status: "SUCCEEDED" } },
    ]);
  });

  it("004: execute, stream of a run that fails", async () => {
    const scene = system.scene();
    const { id } = await system.begin([[scene.step("bad", "exit 7")], [scene.step("after")]]);
    const stream = follow(id);
    const messages = (await stream.all()).filter(({ __typename }) => __typename !== "CaughtUp");
    await stream[Symbol.asyncDispose]();
    expect(messages.slice(-2)).toMatchObject([
      { __typename: "RunStatusChanged", runStatus: "FAILED" },
      {
        __typename: "RunFinished",
        success: false,
        error: { message: 'step "bad" failed: exit code 7', details: 'step "bad" FAILED: exit code 7' },
        workflowRun: { id, status: "FAILED" },
      },
    ]);
    expect(scene.executions()).toEqual(["bad"]);
  });
});

function follow(id: string): Subscription {
  const { url, adminToken } = system.server;
  return new Subscription(url, adminToken, STREAM, { id, after: { at: "START" } });
}

describe("cancel", () => {
  it("004: cancel by runIds, with a reason and an outcome for each", async () => {
    const scene = system.scene();
    const workflow = await system.deploy({ stages: stagesOf([[scene.heldStep("held")]]) });
    const running = await system.trigger(workflow);
    const processes = await system.processes(scene, running.id, "held");
    const waiting = await system.begin([[{ ref: "ask", type: "approval" }]]);
    await system.inStatus(waiting.id, "WAITING");
    const completed = await system.begin([[scene.step("done")]]);
    await system.ended(completed.id);
    const failed = await system.begin([[scene.step("bad", "exit 1")]]);
    await system.ended(failed.id);
    const canceled = await system.trigger(workflow, { start: "MANUAL" });
    await system.act("cancelWorkflowRun", { workflowRunId: canceled.id });
    const unknown = running.id.replace(/.{4}$/, "0000");
    const ids = [running, waiting, completed, failed, canceled].map(({ id }) => id);
    const input = { runs: { ids: [...ids, unknown] }, reason: "maintenance" };
    const answer = await system.act("cancelWorkflowRuns", input, CANCELED);
    expect(answer.items.map(({ workflowRunId }: Answer) => workflowRunId)).toEqual([...ids, unknown]);
    const outcomes = answer.items.map(({ outcome }: Answer) => outcome);
    // Its processes may be dead already when this answers.
    expect(outcomes[0]).toMatch(/^CANCEL(ING|ED)$/);
    expect(outcomes.slice(1)).toEqual([
      "CANCELED",
      "ALREADY_COMPLETED",
      "ALREADY_COMPLETED",
      "ALREADY_CANCELED",
      "NOT_FOUND",
    ]);
    expect(answer.canceledCount + answer.failedCount).toBe(6);
    expect(answer.items[5]).toMatchObject({ originalRun: null, error: expect.any(String) });
    const end = await system.ended(running.id);
    expect(end).toMatchObject({
      status: "CANCELED",
      statusReason: { code: "REQUESTED", message: "maintenance" },
    });
    expect(processes.filter(isAlive)).toEqual([]);
    expect((await system.run(waiting.id)).statusReason.message).toBe("maintenance");
    expect((await system.run(failed.id)).status).toBe("FAILED");
    expect((await system.run(canceled.id)).statusReason.message).not.toBe("maintenance");
  });

  it("004: cancel by runIds, of runs that one may only read", async () => {
    const { id } = await system.begin([[{ ref: "ask", type: "approval" }]]);
    const user = await system.server.tokenWith("default", "PROJECT_USER");
    const stranger = await system.server.tokenWith("elsewhere", "PROJECT_ADMIN");
    const outcome = async (token: string) =>
      (await system.act("cancelWorkflowRuns", { runs: { ids: [id] } }, CANCELED, token)).items[0].outcome;
    expect(await outcome(user)).toBe("FORBIDDEN");
    expect(await outcome(stranger)).toBe("NOT_FOUND");
    expect((await system.run(id)).status).toBe("WAITING");
    await system.act("cancelWorkflowRun", { workflowRunId: id });
  });

  it("004: cancel by workflowId", async () => {
    const scene = system.scene();
    const workflow = await system.deploy({ stages: stagesOf([[scene.heldStep("held")]]) });
    const ended = await system.trigger(workflow);
    await system.processes(scene, ended.id, "held");
    await system.act("cancelWorkflowRun", { workflowRunId: ended.id });
    await system.ended(ended.id);
    const open = [await system.trigger(workflow), await system.trigger(workflow, { start: "MANUAL" })];
    const processes = await system.processes(scene, open[0].id, "held", 2);
    const beside = await system.begin([[{ ref: "ask", type: "approval" }]]);
    const answer = await system.act("cancelWorkflowRuns", { runs: { workflowId: workflow } }, CANCELED);
    expect(answer).toMatchObject({ canceledCount: 2, failedCount: 0, total: 2 });
    const named = answer.items.map(({ workflowRunId }: Answer) => workflowRunId);
    expect(named.sort()).toEqual(open.map(({ id }) => id).sort());
    for (const { id } of open) expect((await system.ended(id)).status).toBe("CANCELED");
    expect(processes.filter(isAlive)).toEqual([]);
    expect((await system.inStatus(beside.id, "WAITING")).status).toBe("WAITING");
    await system.act("cancelWorkflowRun", { workflowRunId: beside.id });
  });

  it("004: cancel, by one of the two and for a reason of at most 500 characters", async () => {
    const { id, workflowId } = await waitingRun();
    const query = `mutation ($input: CancelWorkflowRunsInput!) { cancelWorkflowRuns(input: $input) { total } }`;
    for (const runs of [{ ids: [id], workflowId }, {}]) {
      const { body } = await system.server.post({ query, variables: { input: { runs } } });
      expect(body.errors[0].extensions.code).toBe("BAD_USER_INPUT");
    }
    const long = { runs: { ids: [id] }, reason: "x".repeat(501) };
    const refused = await system.send("cancelWorkflowRuns", long, CANCELED);
    expect(JSON.stringify(refused)).toContain("500 characters");
    expect(refused.canceledCount).toBe(0);
    expect((await system.run(id)).status).toBe("WAITING");
    const most = { runs: { ids: [id] }, reason: "x".repeat(500) };
    expect((await system.act("cancelWorkflowRuns", most, CANCELED)).canceledCount).toBe(1);
    expect((await system.run(id)).status).toBe("CANCELED");
  });
});

async function waitingRun(): Promise<{ id: string; workflowId: string }> {
  const workflowId = await system.deploy({ stages: stagesOf([[{ ref: "ask", type: "approval" }]]) });
  const { id } = await system.trigger(workflowId);
  await system.inStatus(id, "WAITING");
  return { id, workflowId };
}

describe("reading", () => {
  const LIST = `query ($filter: WorkflowRunFilter, $first: Int, $offset: Int) {
    workflowRuns(filter: $filter, first: $first, offset: $offset) { totalCount { value }
      nodes { id workflow { id } workflowName status inputs createdAt updatedAt } } }`;

  it("004: list, search by workflow name", async () => {
    const scene = system.scene();
    const inputs = { who: { type: "string", default: "nobody" } };
    const stages = stagesOf([[scene.step("a")]]);
    const nightly = await system.deploy({ name: "Nightly Report 1.0", inputs, stages });
    const weekly = await system.deploy({ name: "Weekly Report", inputs, stages });
    const first = await system.ended((await system.trigger(nightly, { inputs: { who: "ada" } })).id);
    const second = await system.ended((await system.trigger(weekly)).id);
    const found = async (search: string) =>
      (await system.ask(LIST, { filter: { search } })).nodes.map(({ id }: Answer) => id);
    expect(await found("report")).toEqual([second.id, first.id]);
    expect(await found("NIGHTLY")).toEqual([first.id]);
    expect(await found("t 1.0")).toEqual([first.id]);
    expect(await found("report_1%")).toEqual([]);
    expect(await found("no such name")).toEqual([]);
    const { nodes } = await system.ask(LIST, { filter: { search: "nightly" } });
    expect(nodes).toEqual([
      {
        id: first.id,
        workflow: { id: nightly },
        workflowName: "Nightly Report 1.0",
        status: "SUCCEEDED",
        inputs: { who: "ada" },
        createdAt: TIME,
        updatedAt: TIME,
      },
    ]);
    expect(Date.parse(nodes[0].updatedAt)).toBeGreaterThanOrEqual(Date.parse(first.finishedAt));
  });

  it("004: list, of one workflow, by status, page by page", async () => {
    const workflow = await system.deploy({ stages: stagesOf([[{ ref: "ask", type: "approval" }]]) });
    const ids: string[] = [];
    for (let number = 0; number < 5; number++) {
      ids.unshift((await system.trigger(workflow, number < 2 ? { start: "MANUAL" } : {})).id);
    }
    for (const id of ids.slice(0, 3)) await system.inStatus(id, "WAITING");
    await system.act("cancelWorkflowRun", { workflowRunId: ids[0] });
    const page = async (filter: Fields, number: number, limit: number) => {
      const at = {
        filter: { workflowIds: [workflow], ...filter },
        first: limit,
        offset: (number - 1) * limit,
      };
      const { nodes, totalCount } = await system.ask(LIST, at);
      return [totalCount.value, nodes.map(({ id }: Answer) => ids.indexOf(id))];
    };
    expect(await page({}, 1, 2)).toEqual([5, [0, 1]]);
    expect(await page({}, 2, 2)).toEqual([5, [2, 3]]);
    expect(await page({}, 3, 2)).toEqual([5, [4]]);
    expect(await page({}, 4, 2)).toEqual([5, []]);
    expect(await page({ status: ["WAITING"] }, 1, 10)).toEqual([2, [1, 2]]);
    expect(await page({ status: ["PENDING", "QUEUED"] }, 1, 10)).toEqual([2, [3, 4]]);
    expect(await page({ status: ["CANCELED"] }, 1, 10)).toEqual([1, [0]]);
    expect(await page({ status: ["RUNNING"] }, 1, 10)).toEqual([0, []]);
    expect((await system.trouble(LIST, { first: 101 })).code).toBe("BAD_USER_INPUT");
    await system.act("cancelWorkflowRuns", { runs: { workflowId: workflow } }, CANCELED);
  });

  it("004: dashboard counts", async () => {
    const scene = system.scene();
    const inputs = { code: { type: "string", default: "0" } };
    const workflow = await system.deploy({ inputs, stages: stagesOf([[scene.step("a", 'exit "$CODE"')]]) });
    for (const code of ["0", "0", "1"]) {
      await system.ended((await system.trigger(workflow, { inputs: { code } })).id);
    }
    await system.trigger(workflow, { start: "MANUAL" });
    const canceled = await system.trigger(workflow, { start: "MANUAL" });
    await system.act("cancelWorkflowRun", { workflowRunId: canceled.id });
    const query = `query ($id: ID!) {
      workflowRunCounts(filter: { workflowIds: [$id] }, groupBy: { by: STATUS }) { total groups { key count } } }`;
    const { total, groups } = await system.ask(query, { id: workflow });
    expect(total).toBe(5);
    const none = { QUEUED: 0, RUNNING: 0, WAITING: 0, PAUSED: 0, CANCELING: 0, TIMED_OUT: 0, SKIPPED: 0 };
    expect(Object.fromEntries(groups.map(({ key, count }: Answer) => [key, count]))).toEqual({
      ...none,
      SUCCEEDED: 2,
      FAILED: 1,
      PENDING: 1,
      CANCELED: 1,
    });
  });

  it("004: get with activity runs", async () => {
    const scene = system.scene();
    const steps = [
      scene.step("a", 'echo "key=value" >> "$RUNCAST_OUTPUT"', { name: "First" }),
      scene.step("b", '[ "$RUNCAST_ATTEMPT" = 2 ]', { retry: { attempts: 2, backoff: "0s" } }),
    ];
    const { id } = await system.begin([steps]);
    await system.ended(id);
    const query = `query ($id: ID!) { workflowRun(id: $id) { id status stepRuns { nodes {
      id workflowStepId name status output attempt createdAt startedAt updatedAt } } } }`;
    const run = await system.ask(query, { id });
    const step = { createdAt: TIME, startedAt: TIME, updatedAt: TIME, status: "SUCCEEDED" };
    const keys = { id: expect.stringMatching(/^step_/), workflowStepId: expect.stringMatching(/^wstep_/) };
    expect(run).toEqual({
      id,
      status: "SUCCEEDED",
      stepRuns: {
        nodes: [
          { ...step, ...keys, name: "First", output: { key: "value" }, attempt: 1 },
          { ...step, ...keys, name: null, output: {}, attempt: 2 },
        ],
      },
    });
    expect(scene.executions().sort()).toEqual(["a", "b", "b"]);
  });
});

describe("access", () => {
  it("004: user JWT or internal service", async () => {
    const account = {
      projectId: "default",
      username: "backend",
      name: "The backend",
      role: "PROJECT_SUPERUSER",
    };
    const fields = "serviceAccount { account { id type } }";
    const { serviceAccount } = await system.act("createServiceAccount", account, fields);
    expect(serviceAccount.account.type).toBe("SERVICE");
    const wish = { accountId: serviceAccount.account.id, projectId: "default", description: "internal" };
    const { token: service } = await system.act("createToken", wish, "token");
    const user = await system.server.tokenWith("default", "PROJECT_SUPERUSER");

    const scene = system.scene();
    const workflowId = await system.deploy({ stages: stagesOf([[scene.step("a")]]) });
    const who = "finished workflowRun { id trigger { type } createdBy { username type } triggeredBy }";
    const byService = await system.act("executeWorkflow", { workflowId }, who, service);
    expect(byService).toMatchObject({
      finished: true,
      workflowRun: {
        trigger: { type: "API" },
        createdBy: { username: "backend", type: "SERVICE" },
        triggeredBy: "backend",
      },
    });
    const byUser = await system.act("executeWorkflow", { workflowId }, who, user);
    expect(byUser).toMatchObject({
      finished: true,
      workflowRun: { trigger: { type: "MANUAL" }, createdBy: { type: "USER" } },
    });
    const get = "query ($id: ID!) { workflowRun(id: $id) { id } }";
    for (const token of [service, user]) {
      expect(await system.ask(get, { id: byService.workflowRun.id }, token)).toEqual({
        id: byService.workflowRun.id,
      });
    }
    const anonymous = { query: get, variables: { id: byService.workflowRun.id } };
    expect((await system.server.post(anonymous, { token: null })).status).toBe(401);
    expect(scene.count("a")).toBe(2);
  });
});

describe("thinking", () => {
  it("004: what a step thinks is an event, and can be read afterwards", async () => {
    const scene = system.scene();
    const { id } = await system.begin([[scene.heldStep("thinks")]]);
    await system.processes(scene, id, "thinks");
    const step = { ref: { workflowRunId: id, stepRef: "thinks" } };
    const thought = { step, kind: "THINKING", content: "The tests come first." };
    await system.act("recordStepTrace", thought, "stepRun { id }");
    scene.open("thinks");
    await system.ended(id);
    const { events } = await system.ask(
      "query ($id: ID!) { workflowRun(id: $id) { events(first: 100) { __typename ... on StepTraced { kind content stepRun { stepRef } } } } }",
      { id },
    );
    expect((events as Answer[]).filter(({ __typename }) => __typename === "StepTraced")).toEqual([
      {
        __typename: "StepTraced",
        kind: "THINKING",
        content: "The tests come first.",
        stepRun: { stepRef: "thinks" },
      },
    ]);
    const { stepRuns } = await system.ask(
      "query ($id: ID!) { workflowRun(id: $id) { stepRuns { nodes { trace { nodes { kind content } } } } } }",
      { id },
    );
    expect(stepRuns.nodes[0].trace.nodes).toEqual([{ kind: "THINKING", content: "The tests come first." }]);
  });
});
