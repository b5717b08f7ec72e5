/**
 * The DAG orchestrator of reference 001. Its words here: project_id -> project.id, triggered_by -> trigger and
 * triggeredBy, tags -> labels, retry_of_run_id -> retryOf, parent_workflow_run_id -> parentRun, parent_step_run_id ->
 * parentStepRun, job_run_id -> currentAttempt.id, completed -> SUCCEEDED, reset_steps -> resetCount, canceled,
 * replayed and failed of bulk answers -> canceledCount, replayedCount, failedCount; limit -> first.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { waitFor } from "../support/wait-for.ts";
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

/** Proves that the runner takes work: whatever else was claimable has been taken by now. */
async function witness(): Promise<void> {
  expect((await system.ended((await system.begin([[{ ref: "witness", run: "true" }]])).id)).status).toBe(
    "SUCCEEDED",
  );
}

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
    await witness();
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
    await witness();
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
    await witness();
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

describe("steps", () => {
  it("001: approve", async () => {
    const scene = system.scene();
    const env = { TICKET: "${{ steps.ask.outputs.ticket }}" };
    const after = scene.step("after", `echo "$TICKET" >> ${scene.path("ticket")}`, { env });
    const { id } = await system.begin([[{ ref: "ask", type: "approval", prompt: "Ship it?" }], [after]]);
    await system.stepInStatus(id, "ask", "WAITING");
    await witness();
    expect(scene.executions()).toEqual([]);
    const decision = {
      ...stepRef(id, "ask"),
      verdict: "APPROVE",
      comment: "ship",
      fields: { ticket: "T-1" },
    };
    expect((await system.act("decideApproval", decision)).status).toBe("SUCCEEDED");
    expect((await system.ended(id)).status).toBe("SUCCEEDED");
    expect(scene.lines("ticket")).toEqual(["T-1"]);
    const query = `query ($id: ID!) { workflowRun(id: $id) { approvals { status prompt approvedCount
      decisions { verdict comment fields actor { username } } } } }`;
    expect((await system.ask(query, { id })).approvals).toMatchObject([
      {
        status: "APPROVED",
        prompt: "Ship it?",
        approvedCount: 1,
        decisions: [{ verdict: "APPROVE", comment: "ship", fields: { ticket: "T-1" } }],
      },
    ]);
  });

  it("001: approve, by as many as the quorum asks", async () => {
    const scene = system.scene();
    const second = await system.server.tokenWith("default", "PROJECT_SUPERUSER");
    const { id } = await system.begin([[{ ref: "ask", type: "approval", quorum: 2 }], [scene.step("after")]]);
    await system.stepInStatus(id, "ask", "WAITING");
    const decision = { ...stepRef(id, "ask"), verdict: "APPROVE" };
    expect((await system.act("decideApproval", decision)).status).toBe("WAITING");
    // One actor counts once, however often they say it, and cannot turn round.
    expect((await system.act("decideApproval", decision)).status).toBe("WAITING");
    const turned = await system.refused("decideApproval", { ...decision, verdict: "REJECT" });
    expect(turned).toMatchObject({ __typename: "InvalidState", current: "APPROVE" });
    await witness();
    expect(scene.executions()).toEqual([]);
    expect((await system.act("decideApproval", decision, undefined, second)).status).toBe("SUCCEEDED");
    expect((await system.ended(id)).status).toBe("SUCCEEDED");
    expect(scene.executions()).toEqual(["after"]);
  });

  it("001: approve, refused by an approver", async () => {
    const scene = system.scene();
    const { id } = await system.begin([[{ ref: "ask", type: "approval" }], [scene.step("after")]]);
    await system.stepInStatus(id, "ask", "WAITING");
    await system.act("decideApproval", { ...stepRef(id, "ask"), verdict: "REJECT", comment: "too early" });
    const run = await system.ended(id);
    expect(run.status).toBe("FAILED");
    expect(run.steps.ask).toMatchObject({
      status: "FAILED",
      statusReason: { code: "REJECTED", message: "too early" },
    });
    expect(scene.executions()).toEqual([]);
  });

  it("001: skip, before it ran", async () => {
    const scene = system.scene();
    const skipped = scene.step("skipped", "exit 1", { needs: ["held"] });
    const after = scene.step("after", "", { needs: ["skipped"] });
    const { id } = await system.begin([[scene.heldStep("held"), skipped, after]]);
    await system.processes(scene, id, "held");
    const step = await system.act("skipStepRun", { ...stepRef(id, "skipped"), reason: "known to fail" });
    expect(step).toMatchObject({
      status: "SKIPPED",
      statusReason: { code: "REQUESTED", message: "known to fail" },
    });
    const held = await system.refused("skipStepRun", stepRef(id, "held"));
    expect(held).toMatchObject({ __typename: "InvalidState", current: "RUNNING" });
    scene.open("held");
    expect((await system.ended(id)).status).toBe("SUCCEEDED");
    expect(scene.executions().sort()).toEqual(["after", "held"]);
  });

  it("001: skip, after it failed", async () => {
    const scene = system.scene();
    const { id } = await system.begin([[scene.step("bad", "exit 1")], [scene.step("after")]]);
    expect((await system.ended(id)).status).toBe("FAILED");
    expect(scene.executions()).toEqual(["bad"]);
    await system.act("skipStepRun", stepRef(id, "bad"));
    const run = await system.until(id, "new end", ({ status }) => status === "SUCCEEDED");
    expect(run.steps).toMatchObject({ bad: { status: "SKIPPED" }, after: { status: "SUCCEEDED" } });
    expect(scene.executions()).toEqual(["bad", "after"]);
  });

  it("001: force-complete, of a running step", async () => {
    const scene = system.scene();
    const after = scene.step("after", `echo "$URL" >> ${scene.path("url")}`, {
      env: { URL: "${{ steps.held.outputs.url }}" },
    });
    const { id } = await system.begin([[scene.heldStep("held")], [after]]);
    const processes = await system.processes(scene, id, "held");
    await system.act("forceCompleteStepRun", { ...stepRef(id, "held"), result: { url: "made-by-hand" } });
    const run = await system.ended(id);
    expect(processes.filter(isAlive)).toEqual([]);
    expect(run.status).toBe("SUCCEEDED");
    expect(run.steps.held).toMatchObject({
      status: "SUCCEEDED",
      output: { url: "made-by-hand" },
      attempts: [{ number: 1, status: "CANCELED" }],
    });
    expect(scene.lines("url")).toEqual(["made-by-hand"]);
  });

  it("001: force-complete, of a failed step, without a result", async () => {
    const scene = system.scene();
    const { id } = await system.begin([[scene.step("bad", "exit 1")], [scene.step("after")]]);
    await system.ended(id);
    expect(await system.act("forceCompleteStepRun", stepRef(id, "bad"))).toMatchObject({
      status: "SUCCEEDED",
      output: {},
    });
    expect((await system.until(id, "new end", ({ status }) => status === "SUCCEEDED")).status).toBe(
      "SUCCEEDED",
    );
    expect(scene.executions()).toEqual(["bad", "after"]);
  });

  it("001: retry step", async () => {
    const scene = system.scene();
    const bad = scene.step("bad", `[ -e ${scene.path("gate-mended")} ]`);
    const { id } = await system.begin([[scene.step("good"), bad], [scene.step("after")]]);
    const failed = await system.ended(id);
    expect(failed).toMatchObject({ status: "FAILED", steps: { after: { status: "SKIPPED" } } });
    const good = await system.refused("retryStepRun", stepRef(id, "good"));
    expect(good).toMatchObject({ __typename: "InvalidState", current: "SUCCEEDED" });
    scene.open("mended");
    const fields = `stepRun { ${STEP} }`;
    const { stepRun } = await system.act("retryStepRun", stepRef(id, "bad"), fields);
    expect(stepRun).toMatchObject({
      id: failed.steps.bad.id,
      workflowRun: { id },
      stepRef: "bad",
      currentAttempt: { number: 1, status: "FAILED" },
      attempt: 1,
      depsRequired: 0,
      createdAt: TIME,
      workflowStepId: expect.stringMatching(/^wstep_/),
    });
    expect(stepRun.status).toMatch(/QUEUED|PENDING/);
    const run = await system.until(id, "new end", ({ status }) => status === "SUCCEEDED");
    expect(run.steps.bad).toMatchObject({
      attempt: 2,
      attempts: [
        { number: 1, status: "FAILED" },
        { number: 2, status: "SUCCEEDED" },
      ],
    });
    expect(scene.count("good")).toBe(1);
    expect(scene.count("bad")).toBe(2);
    expect(scene.count("after")).toBe(1);
  });

  it("001: replay-subtree", async () => {
    const scene = system.scene();
    const steps = [
      scene.step("root"),
      scene.step("left", "", { needs: ["root"] }),
      scene.step("right", "", { needs: ["root"] }),
      scene.step("join", "", { needs: ["left", "right"] }),
    ];
    const { id } = await system.begin([steps]);
    expect((await system.ended(id)).status).toBe("SUCCEEDED");
    const answer = await system.act(
      "replayStepRunSubtree",
      stepRef(id, "left"),
      "resetCount stepRun { stepRef }",
    );
    expect(answer).toMatchObject({ resetCount: 2, stepRun: { stepRef: "left" } });
    await waitFor("the second join", () => scene.count("join") === 2);
    const run = await system.until(id, "new end", ({ status }) => status === "SUCCEEDED");
    expect(run.steps).toMatchObject({
      root: { attempt: 1 },
      left: { attempt: 2 },
      right: { attempt: 1 },
      join: { attempt: 2 },
    });
    expect(["root", "left", "right", "join"].map((ref) => scene.count(ref))).toEqual([1, 2, 1, 2]);
  });

  it("001: replay-subtree, of what is running, asks approvals again", async () => {
    const scene = system.scene();
    const ask = { ref: "ask", type: "approval", needs: ["root"] };
    const held = scene.heldStep("held", "", { needs: ["ask"] });
    const { id } = await system.begin([[scene.step("root"), ask, held]]);
    const approve = { ...stepRef(id, "ask"), verdict: "APPROVE" };
    await system.stepInStatus(id, "ask", "WAITING");
    await system.act("decideApproval", approve);
    const processes = await system.processes(scene, id, "held");
    const { resetCount } = await system.act("replayStepRunSubtree", stepRef(id, "root"), "resetCount");
    expect(resetCount).toBe(3);
    await waitFor("the second root", () => scene.count("root") === 2);
    await system.stepInStatus(id, "ask", "WAITING");
    await waitFor("the first held step's end", () => !processes.some(isAlive));
    await witness();
    expect(scene.count("held")).toBe(1);
    await system.act("decideApproval", approve);
    await system.processes(scene, id, "held", 2);
    scene.open("held");
    expect((await system.ended(id)).status).toBe("SUCCEEDED");
    expect(scene.executions()).toEqual(["root", "held", "root", "held"]);
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
