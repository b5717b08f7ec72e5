/**
 * The DAG orchestrator of reference 001. Its words here: project_id -> project.id, triggered_by -> trigger and
 * triggeredBy, tags -> labels, retry_of_run_id -> retryOf, parent_workflow_run_id -> parentRun, parent_step_run_id ->
 * parentStepRun, job_run_id -> currentAttempt.id, completed -> SUCCEEDED, reset_steps -> resetCount, canceled,
 * replayed and failed of bulk answers -> canceledCount, replayedCount, failedCount; limit -> first.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Answer, RunningSystem, stagesOf, stepRef } from "./running-system.ts";
import { isAlive } from "./scene.ts";

const LIST = `query ($project: ID!, $filter: WorkflowRunFilter, $first: Int) {
  workflowRuns(projectId: $project, filter: $filter, first: $first) { nodes { id status } } }`;
const RUN = `id workflow { id } project { id slug } status trigger { type ref } triggeredBy workflowVersion
  maxParallelSteps payload error startedAt finishedAt expiresAt retryOf { id } parentRun { id }
  parentStepRun { stepRef } labels workflowVersionId createdBy { username } createdAt`;
const STEP = `id workflowRun { id } workflowStepId stepRef currentAttempt { id number status } attempt status
  depsCompleted depsRequired output error startedAt finishedAt createdAt`;
const TIME = expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
const BULK =
  "items { workflowRunId outcome error originalRun { id } newRun { id status } } total failedCount";

let system: RunningSystem;
beforeAll(async () => {
  system = await RunningSystem.start();
});
afterAll(async () => await system[Symbol.asyncDispose]());

const readRun = async (id: string) =>
  await system.ask(`query ($id: ID!) { workflowRun(id: $id) { ${RUN} } }`, { id });

describe("reading", () => {
  it("001: list, by project, each status, limit", async () => {
    const scene = system.scene();
    const project = "listing";
    await system.server.tokenWith(project, "PROJECT_ADMIN");
    const runner = (steps: object[], more = {}) =>
      system.deploy({ ...more, stages: stagesOf([steps as Record<string, unknown>[]]) }, project);
    const held = await runner([scene.heldStep("held")]);
    const runs: Record<string, string> = {};
    const begin = async (status: string, workflow: string, input = {}) => {
      runs[status] = (await system.trigger(workflow, input)).id;
      return { workflowRunId: runs[status] };
    };
    await begin("PENDING", held, { start: "MANUAL" });
    await begin("RUNNING", held);
    await system.act(
      "pauseWorkflowRun",
      await begin("PAUSED", await runner([{ ref: "ask", type: "approval" }])),
    );
    await begin("SUCCEEDED", await runner([scene.step("fine")]));
    await begin("FAILED", await runner([scene.step("bad", "exit 1")]));
    await begin("TIMED_OUT", await runner([{ ref: "ask", type: "approval" }], { timeout: "1ms" }));
    await system.act("cancelWorkflowRun", await begin("CANCELED", held, { start: "MANUAL" }));
    for (const [status, id] of Object.entries(runs)) await system.inStatus(id, status);

    const list = async (filter: object, first = 50) =>
      (await system.ask(LIST, { project, filter, first })).nodes as Answer[];
    for (const [status, id] of Object.entries(runs)) {
      expect(await list({ status: [status] })).toEqual([{ id, status }]);
    }
    expect((await list({})).map(({ id }) => id)).toEqual(Object.values(runs).reverse());
    expect((await list({}, 2)).map(({ id }) => id)).toEqual([runs["CANCELED"], runs["TIMED_OUT"]]);
    scene.open("held");
    await system.ended(runs["RUNNING"]!);
  });

  it("001: get, every field", async () => {
    const scene = system.scene();
    const steps = [scene.step("bad", "exit 9"), { ref: "ask", type: "approval" }];
    const workflow = await system.deploy({ stages: stagesOf([steps]), timeout: "2h" });
    const tags = { team: "core", tier: "1" };
    const given = { payload: { issue: [7, null] }, labels: tags, maxParallelSteps: 3 };
    const parent = await system.trigger(workflow, given);
    await system.stepInStatus(parent.id, "bad", "FAILED");
    const before = await readRun(parent.id);
    const { latestVersion, project } = await system.ask(
      "query ($id: ID!) { workflow(id: $id) { latestVersion { id } project { id slug } } }",
      { id: workflow },
    );
    const { username } = (await system.ask("{ viewer { actor { username } } }")).actor;
    expect(before).toEqual({
      id: parent.id,
      workflow: { id: workflow },
      project,
      status: "WAITING",
      trigger: { type: "MANUAL", ref: null },
      triggeredBy: username,
      workflowVersion: 1,
      maxParallelSteps: 3,
      payload: given.payload,
      error: null,
      startedAt: TIME,
      finishedAt: null,
      expiresAt: new Date(Date.parse(before.createdAt) + 7_200_000).toISOString(),
      retryOf: null,
      parentRun: null,
      parentStepRun: null,
      labels: tags,
      workflowVersionId: latestVersion.id,
      createdBy: { username },
      createdAt: TIME,
    });

    const child = await system.trigger(workflow, { parentRunId: parent.id, parentStepRef: "ask" });
    expect(await readRun(child.id)).toMatchObject({
      parentRun: { id: parent.id },
      parentStepRun: { stepRef: "ask" },
    });
    await system.act("cancelWorkflowRun", { workflowRunId: child.id });
    await system.act("decideApproval", { ...stepRef(parent.id, "ask"), verdict: "APPROVE" });
    await system.ended(parent.id);
    const after = await readRun(parent.id);
    expect(after).toMatchObject({
      status: "FAILED",
      error: 'step "bad" failed: exit code 9',
      finishedAt: TIME,
    });
    const retry = await system.act("retryWorkflowRun", { workflowRunId: parent.id });
    expect(await readRun(retry.id)).toMatchObject({
      retryOf: { id: parent.id },
      trigger: { type: "RETRY" },
      labels: tags,
      payload: given.payload,
      maxParallelSteps: 3,
    });
    await system.ended(retry.id);
  });

  it("001: list step runs, every field", async () => {
    const scene = system.scene();
    const steps = [
      scene.step("one", 'echo "key=value" >> "$RUNCAST_OUTPUT"'),
      scene.step("two", 'echo "try $RUNCAST_ATTEMPT"; exit 4', { retry: { attempts: 2, backoff: "0s" } }),
      scene.step("three", "", { needs: ["one", "two"] }),
    ];
    const { id } = await system.begin([steps]);
    await system.ended(id);
    const query = `query ($id: ID!) { workflowRun(id: $id) { stepRuns { nodes { ${STEP} } } } }`;
    const { nodes } = (await system.ask(query, { id })).stepRuns;
    const always = { id: expect.stringMatching(/^step_/), workflowRun: { id }, createdAt: TIME };
    const attempt = (number: number, status: string) => ({
      id: expect.stringMatching(/^attempt_/),
      number,
      status,
    });
    const workflowStepId = expect.stringMatching(/^wstep_/);
    expect(nodes).toEqual([
      {
        ...always,
        workflowStepId,
        stepRef: "one",
        currentAttempt: attempt(1, "SUCCEEDED"),
        attempt: 1,
        status: "SUCCEEDED",
        depsCompleted: 0,
        depsRequired: 0,
        output: { key: "value" },
        error: null,
        startedAt: TIME,
        finishedAt: TIME,
      },
      {
        ...always,
        workflowStepId,
        stepRef: "two",
        currentAttempt: attempt(2, "FAILED"),
        attempt: 2,
        status: "FAILED",
        depsCompleted: 0,
        depsRequired: 0,
        output: null,
        error: "exit code 4",
        startedAt: TIME,
        finishedAt: TIME,
      },
      {
        ...always,
        workflowStepId,
        stepRef: "three",
        currentAttempt: null,
        attempt: 0,
        status: "SKIPPED",
        depsCompleted: 2,
        depsRequired: 2,
        output: null,
        error: null,
        startedAt: null,
        finishedAt: TIME,
      },
    ]);
    expect(new Set(nodes.map((step: Answer) => step.workflowStepId)).size).toBe(3);
    expect(scene.executions().sort()).toEqual(["one", "two", "two"]);
  });
});

describe("runs", () => {
  it("001: cancel", async () => {
    const scene = system.scene();
    const { id } = await system.begin([[scene.heldStep("a"), scene.heldStep("b")], [scene.step("later")]]);
    const processes = [
      ...(await system.processes(scene, id, "a")),
      ...(await system.processes(scene, id, "b")),
    ];
    await system.act("cancelWorkflowRun", { workflowRunId: id, reason: "not today" });
    const run = await system.ended(id);
    expect(processes.filter(isAlive)).toEqual([]);
    expect(run).toMatchObject({
      status: "CANCELED",
      result: "ABORTED",
      statusReason: { code: "REQUESTED", message: "not today" },
    });
    for (const ref of ["a", "b"]) {
      expect(run.steps[ref]).toMatchObject({
        status: "CANCELED",
        cancelProof: "CONFIRMED",
        statusReason: { code: "RUN_CANCELED" },
      });
    }
    const before = await system.events(id);
    expect(await system.act("cancelWorkflowRun", { workflowRunId: id })).toMatchObject({
      status: "CANCELED",
    });
    expect(await system.events(id)).toEqual(before);
    expect(scene.count("later")).toBe(0);
  });

  it("001: pause, what runs ends and nothing starts", async () => {
    const scene = system.scene();
    const ask = { ref: "ask", type: "approval" };
    const gated = scene.step("gated", "", { needs: ["ask"] });
    const { id } = await system.begin([[scene.heldStep("held"), ask, gated], [scene.step("after")]]);
    await system.processes(scene, id, "held");
    const paused = await system.act("pauseWorkflowRun", { workflowRunId: id });
    expect(paused).toMatchObject({ status: "PAUSED", draining: true });
    // A decision is accepted meanwhile, and makes a step ready that must not start.
    await system.act("decideApproval", { ...stepRef(id, "ask"), verdict: "APPROVE" });
    scene.open("held");
    const drained = await system.until(id, "the drained run", ({ draining }) => !draining);
    expect(drained).toMatchObject({ status: "PAUSED", steps: { held: { status: "SUCCEEDED" } } });
    expect(drained.steps.gated.status).toBe("QUEUED");
    await system.witness();
    expect(scene.executions()).toEqual(["held"]);
    const twice = await system.refused("pauseWorkflowRun", { workflowRunId: id });
    expect(twice).toMatchObject({ __typename: "InvalidState", current: "PAUSED" });
    await system.act("cancelWorkflowRun", { workflowRunId: id });
    expect(scene.executions()).toEqual(["held"]);
  });

  it("001: resume, what was held goes on", async () => {
    const scene = system.scene();
    const { id } = await system.begin([[scene.heldStep("held")], [scene.step("after")]]);
    await system.processes(scene, id, "held");
    const early = await system.refused("resumeWorkflowRun", { workflowRunId: id });
    expect(early).toMatchObject({ __typename: "InvalidState", allowed: ["PAUSED"] });
    await system.act("pauseWorkflowRun", { workflowRunId: id });
    scene.open("held");
    await system.until(id, "the drained run", ({ draining }) => !draining);
    await system.witness();
    expect(scene.count("after")).toBe(0);
    await system.act("resumeWorkflowRun", { workflowRunId: id });
    expect((await system.ended(id)).status).toBe("SUCCEEDED");
    expect(scene.executions()).toEqual(["held", "after"]);
  });

  it("001: resume, after a pause that interrupts", async () => {
    const scene = system.scene();
    const { id } = await system.begin([[scene.heldStep("held")]]);
    const processes = await system.processes(scene, id, "held");
    await system.act("pauseWorkflowRun", { workflowRunId: id, mode: "INTERRUPT" });
    await system.until(id, "the interrupted run", ({ draining }) => !draining);
    expect(processes.filter(isAlive)).toEqual([]);
    expect(await system.inStatus(id, "PAUSED")).toMatchObject({ steps: { held: { status: "QUEUED" } } });
    await system.witness();
    expect(scene.count("held")).toBe(1);
    await system.act("resumeWorkflowRun", { workflowRunId: id });
    await system.processes(scene, id, "held", 2);
    scene.open("held");
    expect((await system.ended(id)).status).toBe("SUCCEEDED");
    expect(scene.count("held")).toBe(2);
  });

  it("001: retry from first failed step", async () => {
    const scene = system.scene();
    const bad = scene.step("bad", `[ -e ${scene.path("gate-mended")} ]`);
    const { id } = await system.begin([
      [scene.step("good")],
      [bad, scene.step("beside")],
      [scene.step("last")],
    ]);
    const failed = await system.ended(id);
    expect(failed.status).toBe("FAILED");
    scene.open("mended");
    const again = await system.act("retryWorkflowRun", { workflowRunId: id, mode: "FROM_FAILED" });
    expect(again.id).not.toBe(id);
    const run = await system.ended(again.id);
    expect(run).toMatchObject({ status: "SUCCEEDED", retryOf: { id } });
    expect(scene.executions().sort()).toEqual(["bad", "bad", "beside", "good", "last"]);
    expect(run.steps.good.reusedFrom).toEqual({ id: failed.steps.good.id });
    expect(run.steps.bad.reusedFrom).toBeNull();
    expect(await system.run(id)).toEqual(failed);
  });
});

describe("many runs", () => {
  it("001: bulk cancel", async () => {
    const scene = system.scene();
    const workflow = await system.deploy({ stages: stagesOf([[scene.heldStep("held")]]) });
    const running = await system.trigger(workflow);
    const processes = await system.processes(scene, running.id, "held");
    const manual = await system.trigger(workflow, { start: "MANUAL" });
    const done = await system.begin([[{ ref: "a", run: "true" }]]);
    await system.ended(done.id);
    const ids = [running.id, manual.id, done.id];
    const answer = await system.act("cancelWorkflowRuns", { runs: { ids } }, `canceledCount ${BULK}`);
    expect(answer).toMatchObject({ canceledCount: 2, failedCount: 1, total: 3 });
    expect(answer.items.map((item: Answer) => item.workflowRunId)).toEqual(ids);
    expect(answer.items[0].outcome).toMatch(/^CANCEL(ED|ING)$/);
    expect(answer.items.slice(1)).toMatchObject([{ outcome: "CANCELED" }, { outcome: "ALREADY_COMPLETED" }]);
    expect((await system.ended(running.id)).status).toBe("CANCELED");
    expect(processes.filter(isAlive)).toEqual([]);
    expect((await system.run(manual.id)).status).toBe("CANCELED");
    expect((await system.run(done.id)).status).toBe("SUCCEEDED");
  });

  it("001: bulk replay", async () => {
    const scene = system.scene();
    const workflow = await system.deploy({ stages: stagesOf([[scene.step("a")], [scene.step("b")]]) });
    const first = await system.trigger(workflow);
    const second = await system.trigger(workflow);
    const open = await system.trigger(workflow, { start: "MANUAL" });
    await system.ended(first.id);
    await system.ended(second.id);
    const ids = [first.id, second.id, open.id];
    const answer = await system.act("replayWorkflowRuns", { runs: { ids } }, `replayedCount ${BULK}`);
    expect(answer).toMatchObject({ replayedCount: 2, failedCount: 1 });
    expect(answer.items).toMatchObject([
      { outcome: "REPLAYED", originalRun: { id: first.id }, newRun: { id: expect.any(String) }, error: null },
      {
        outcome: "REPLAYED",
        originalRun: { id: second.id },
        newRun: { id: expect.any(String) },
        error: null,
      },
      { outcome: "NOT_ELIGIBLE", originalRun: { id: open.id }, newRun: null, error: expect.any(String) },
    ]);
    for (const { newRun, originalRun } of answer.items.slice(0, 2)) {
      expect(await system.ended(newRun.id)).toMatchObject({ status: "SUCCEEDED", retryOf: originalRun });
    }
    expect(scene.count("a")).toBe(4);
    expect(scene.count("b")).toBe(4);
  });
});
