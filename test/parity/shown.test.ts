/** What must be shown of actions beyond each reference's own words: how far they reach, and what they leave behind. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { tableCounts } from "../api/tables.ts";
import { waitFor } from "../support/wait-for.ts";
import { type Answer, type Fields, RunningSystem, stagesOf, stepRef } from "./running-system.ts";
import { isAlive, type Scene } from "./scene.ts";

let system: RunningSystem;
beforeAll(async () => {
  system = await RunningSystem.start();
});
afterAll(async () => await system[Symbol.asyncDispose]());

/** Statuses of one step, as the log has recorded them. */
const statusesOf = (events: readonly Answer[], ref: string): string[] =>
  events
    .filter(({ stepStatus, stepRun }) => stepStatus && stepRun.stepRef === ref)
    .map((event) => event.stepStatus);

const typesOf = (events: readonly Answer[]): string[] => events.map(({ __typename }) => __typename);

/** The log ends with the run's end, told twice: as a status and as a result. */
function expectEnd(events: readonly Answer[], runStatus: string): void {
  expect(events.slice(-2)).toMatchObject([
    { __typename: "RunStatusChanged", runStatus },
    { __typename: "RunFinished", success: runStatus === "SUCCEEDED", workflowRun: { status: runStatus } },
  ]);
}

/**
 * Fails when `act` inserts, changes or deletes a row. The runner renews its lease all the time, and a run's end does not
 * wait for the last of its log.
 */
async function writesNothing<Result>(act: () => Promise<Result>): Promise<Result> {
  const tables = async () => {
    const counts = Object.entries(await tableCounts(system.server.database));
    return Object.fromEntries(counts.filter(([table]) => !/^(runner_session|log_)/.test(table)));
  };
  const before = await tables();
  const result = await act();
  expect(await tables()).toEqual(before);
  return result;
}

describe("shown: retry of twenty steps, of which the fifteenth failed", () => {
  const NEEDS: Readonly<Record<string, readonly string[]>> = {
    s16: ["s15"],
    s17: ["s15"],
    s18: ["s17"],
    s19: ["s10"],
  };
  const refs = Array.from({ length: 20 }, (_, index) => `s${String(index + 1).padStart(2, "0")}`);
  const again = ["s15", "s16", "s17", "s18"];
  const PLAN = "workflowRun { id } plan { execute reuse { stepRef stepRunId } }";
  let scene: Scene;
  let failed: Answer;

  beforeAll(async () => {
    scene = system.scene();
    const steps = refs.map((ref, index) => {
      const needs = NEEDS[ref] ?? (index === 0 ? [] : [refs[index - 1]]);
      const then =
        ref === "s15" ? `[ -e ${scene.path("gate-mended")} ]` : `echo "from=${ref}" >> "$RUNCAST_OUTPUT"`;
      return scene.step(ref, then, { needs });
    });
    failed = await system.ended((await system.begin([steps])).id);
  });

  it("shown: dryRun predicts it and FROM_FAILED does exactly that", async () => {
    expect(failed.status).toBe("FAILED");
    const once = refs.filter((ref) => !["s16", "s17", "s18"].includes(ref));
    expect(scene.executions().sort()).toEqual(once);
    scene.open("mended");
    const input = { workflowRunId: failed.id, mode: "FROM_FAILED" };
    const predicted = await writesNothing(() =>
      system.act("retryWorkflowRun", { ...input, dryRun: true }, PLAN),
    );
    expect(predicted.workflowRun).toBeNull();
    expect(predicted.plan.execute).toEqual(again);
    const reused = refs.filter((ref) => !again.includes(ref));
    const sources = reused.map((ref) => ({ stepRef: ref, stepRunId: failed.steps[ref].id }));
    const byRef = (one: Answer, other: Answer) => one.stepRef.localeCompare(other.stepRef);
    expect([...predicted.plan.reuse].sort(byRef)).toEqual(sources);

    const { workflowRun, plan } = await system.act("retryWorkflowRun", input, PLAN);
    expect(plan).toEqual(predicted.plan);
    const run = await system.ended(workflowRun.id);
    expect(run.status).toBe("SUCCEEDED");
    const twice = ["s15"];
    for (const ref of refs)
      expect(`${ref} ${scene.count(ref)}`).toBe(`${ref} ${twice.includes(ref) ? 2 : 1}`);
    for (const { stepRef: ref, stepRunId } of sources) {
      expect(run.steps[ref]).toMatchObject({
        status: "SUCCEEDED",
        reusedFrom: { id: stepRunId },
        output: { from: ref },
        attempts: [],
      });
    }
    for (const ref of again) expect(run.steps[ref]).toMatchObject({ reusedFrom: null, attempt: 1 });
    expectEnd(await system.events(run.id), "SUCCEEDED");
    // The original is as it was.
    expect(await system.run(failed.id)).toEqual(failed);
  });

  it("shown: FROM_STEPS and ALL reach as far as they say", async () => {
    const before = scene.executions().length;
    const one = { workflowRunId: failed.id, mode: "FROM_STEPS", stepRefs: ["s19"] };
    const { plan } = await system.act("retryWorkflowRun", { ...one, dryRun: true }, PLAN);
    // What failed has no result that could be taken over.
    expect(plan.execute).toEqual(["s15", "s16", "s17", "s18", "s19", "s20"]);
    const all = { workflowRunId: failed.id, mode: "ALL" };
    const everything = await system.act("retryWorkflowRun", { ...all, dryRun: true }, PLAN);
    expect(everything.plan).toEqual({ execute: refs, reuse: [] });
    expect(scene.executions()).toHaveLength(before);
    const { workflowRun } = await system.act("retryWorkflowRun", one, PLAN);
    expect((await system.ended(workflowRun.id)).status).toBe("SUCCEEDED");
    expect(scene.executions().slice(before).sort()).toEqual(plan.execute);
  });
});

describe("shown: documented ends and logs without gaps", () => {
  it("shown: replay-subtree on a finished run", async () => {
    const scene = system.scene();
    const { id } = await system.begin([[scene.step("a")], [scene.step("b")], [scene.step("c")]]);
    await system.ended(id);
    const before = await system.events(id);
    expectEnd(before, "SUCCEEDED");
    const { resetCount } = await system.act("replayStepRunSubtree", stepRef(id, "b"), "resetCount");
    expect(resetCount).toBe(2);
    await waitFor("the second c", () => scene.count("c") === 2);
    await system.until(id, "second end", ({ status }) => status === "SUCCEEDED");
    const events = await system.events(id);
    expect(events.slice(0, before.length)).toEqual(before);
    const added = events.slice(before.length);
    expect(added[0]).toMatchObject({ __typename: "RunReopened", actor: { type: "USER" } });
    expect(statusesOf(added, "a")).toEqual([]);
    expect(statusesOf(added, "b").slice(-2)).toEqual(["RUNNING", "SUCCEEDED"]);
    expect(statusesOf(added, "c").slice(-2)).toEqual(["RUNNING", "SUCCEEDED"]);
    expectEnd(events, "SUCCEEDED");
    expect(scene.executions()).toEqual(["a", "b", "c", "b", "c"]);
  });

  it("shown: skip of a failed step", async () => {
    const scene = system.scene();
    const { id } = await system.begin([[scene.step("bad", "exit 1")], [scene.step("after")]]);
    await system.ended(id);
    const before = await system.events(id);
    expectEnd(before, "FAILED");
    await system.act("skipStepRun", { ...stepRef(id, "bad"), reason: "not needed" });
    const run = await system.until(id, "second end", ({ status }) => status === "SUCCEEDED");
    expect(run.steps.bad).toMatchObject({
      status: "SKIPPED",
      statusReason: { code: "REQUESTED", message: "not needed" },
    });
    const added = (await system.events(id)).slice(before.length);
    expect(added[0].__typename).toBe("RunReopened");
    expect(statusesOf(added, "bad")).toEqual(["SKIPPED"]);
    expect(statusesOf(added, "after").slice(-2)).toEqual(["RUNNING", "SUCCEEDED"]);
    expectEnd(added, "SUCCEEDED");
    expect(scene.executions()).toEqual(["bad", "after"]);
  });

  it("shown: force-complete of a running step", async () => {
    const scene = system.scene();
    const { id } = await system.begin([[scene.heldStep("held")], [scene.step("after")]]);
    const processes = await system.processes(scene, id, "held");
    await system.act("forceCompleteStepRun", stepRef(id, "held"));
    expect((await system.ended(id)).status).toBe("SUCCEEDED");
    expect(processes.filter(isAlive)).toEqual([]);
    const events = await system.events(id);
    expect(statusesOf(events, "held")).toEqual(["QUEUED", "RUNNING", "CANCELING", "SUCCEEDED"]);
    expect(typesOf(events)).not.toContain("RunReopened");
    expectEnd(events, "SUCCEEDED");
    expect(scene.executions()).toEqual(["held", "after"]);
  });

  it("shown: cancel of a paused run", async () => {
    const scene = system.scene();
    const { id } = await system.begin([
      [scene.heldStep("held"), scene.heldStep("beside")],
      [scene.step("after")],
    ]);
    const processes = await system.processes(scene, id, "held");
    await system.processes(scene, id, "beside");
    await system.act("pauseWorkflowRun", { workflowRunId: id, reason: "wait a moment" });
    scene.open("beside");
    await system.stepInStatus(id, "beside", "SUCCEEDED");
    expect((await system.run(id)).status).toBe("PAUSED");
    await system.act("cancelWorkflowRun", { workflowRunId: id });
    const run = await system.ended(id);
    expect(run.status).toBe("CANCELED");
    expect(processes.filter(isAlive)).toEqual([]);
    expect(run.steps).toMatchObject({
      held: { status: "CANCELED", statusReason: { code: "RUN_CANCELED" } },
      beside: { status: "SUCCEEDED" },
      after: { status: "CANCELED" },
    });
    const events = await system.events(id);
    const runs = events.filter(({ runStatus }) => runStatus).map(({ runStatus }) => runStatus);
    expect(runs).toEqual(["QUEUED", "RUNNING", "PAUSED", "CANCELING", "CANCELED"]);
    expectEnd(events, "CANCELED");
    const late = await system.refused("resumeWorkflowRun", { workflowRunId: id });
    expect(late).toMatchObject({ __typename: "InvalidState", current: "CANCELED" });
  });

  it("shown: cancel of a run that waits for an approval", async () => {
    const scene = system.scene();
    const { id } = await system.begin([[{ ref: "ask", type: "approval" }], [scene.step("after")]]);
    await system.inStatus(id, "WAITING");
    expect(await system.act("cancelWorkflowRun", { workflowRunId: id })).toMatchObject({
      status: "CANCELED",
    });
    const events = await system.events(id);
    expect(typesOf(events)).toContain("ApprovalRequested");
    expect(statusesOf(events, "ask")).toEqual(["WAITING", "CANCELED"]);
    expectEnd(events, "CANCELED");
    const query = "query ($id: ID!) { workflowRun(id: $id) { approvals { status closedAt } } }";
    const { approvals } = await system.ask(query, { id });
    expect(approvals).toEqual([{ status: "CANCELED", closedAt: expect.any(String) }]);
    const late = await system.refused("decideApproval", { ...stepRef(id, "ask"), verdict: "APPROVE" });
    expect(late).toMatchObject({ __typename: "InvalidState", current: "CANCELED" });
    expect(scene.executions()).toEqual([]);
  });
});

describe("shown: a child run", () => {
  const CHILD = `query ($id: ID!) { workflowRun(id: $id) { children { id status parentRun { id }
    parentStepRun { stepRef } trigger { type } inputs } } }`;

  it("shown: its outputs are handed up", async () => {
    const scene = system.scene();
    const child = {
      name: "child-with-outputs",
      inputs: { version: { type: "string", default: "none" } },
      outputs: { artifact: "${{ steps.make.outputs.file }}" },
      stages: stagesOf([[scene.step("make", 'echo "file=app-$VERSION.tgz" >> "$RUNCAST_OUTPUT"')]]),
    };
    await system.deploy(child);
    const call = { ref: "call", type: "workflow", workflow: child.name, inputs: { version: "1.2" } };
    const env = { FILE: "${{ steps.call.outputs.artifact }}" };
    const after = scene.step("after", `echo "$FILE" >> ${scene.path("file")}`, { env });
    const { id } = await system.begin([[call], [after]]);
    const run = await system.ended(id);
    expect(run.status).toBe("SUCCEEDED");
    expect(run.steps.call).toMatchObject({ status: "SUCCEEDED", output: { artifact: "app-1.2.tgz" } });
    expect(scene.lines("file")).toEqual(["app-1.2.tgz"]);
    const { children } = await system.ask(CHILD, { id });
    expect(children).toMatchObject([
      {
        status: "SUCCEEDED",
        parentRun: { id },
        parentStepRun: { stepRef: "call" },
        trigger: { type: "PARENT" },
        inputs: { version: "1.2" },
      },
    ]);
    expectEnd(await system.events(children[0].id), "SUCCEEDED");
  });

  it("shown: it is canceled with its parent, and its process is dead", async () => {
    const scene = system.scene();
    const child = {
      name: "child-that-holds",
      stages: stagesOf([[scene.heldStep("held")], [scene.step("never")]]),
    };
    await system.deploy(child);
    const call = { ref: "call", type: "workflow", workflow: child.name };
    const { id } = await system.begin([[call], [scene.step("after")]]);
    const made = await waitFor("the child", async () => (await system.ask(CHILD, { id })).children[0]);
    const processes = await system.processes(scene, made.id, "held");
    await system.act("cancelWorkflowRun", { workflowRunId: id });
    const run = await system.ended(id);
    expect(processes.filter(isAlive)).toEqual([]);
    expect(run).toMatchObject({
      status: "CANCELED",
      steps: { call: { status: "CANCELED", cancelProof: "CONFIRMED" } },
    });
    expect(await system.run(made.id)).toMatchObject({
      status: "CANCELED",
      steps: { held: { status: "CANCELED" } },
    });
    expectEnd(await system.events(id), "CANCELED");
    expectEnd(await system.events(made.id), "CANCELED");
    expect(scene.executions()).toEqual(["held"]);
  });
});

describe("shown: one command, carried out once", () => {
  it("shown: fifty triggers with one idempotencyKey at once make one run", async () => {
    const scene = system.scene();
    const workflowId = await system.deploy({ stages: stagesOf([[scene.step("a")]]) });
    const input = { workflowId, labels: { once: "yes" }, idempotencyKey: "fifty" };
    const fields = "clientMutationId workflowRun { id }";
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, number) =>
        system.act("triggerWorkflowRun", { ...input, clientMutationId: `${number}` }, fields),
      ),
    );
    const ids = new Set(answers.map(({ workflowRun }) => workflowRun.id));
    expect(ids.size).toBe(1);
    expect(answers.map(({ clientMutationId }) => clientMutationId)).toEqual(
      answers.map((_, number) => `${number}`),
    );
    const [id] = [...ids];
    await system.ended(id);
    expect(scene.executions()).toEqual(["a"]);
    const list = "query ($id: ID!) { workflowRuns(filter: { workflowIds: [$id] }) { nodes { id } } }";
    expect((await system.ask(list, { id: workflowId })).nodes).toEqual([{ id }]);

    const other = { ...input, labels: { once: "no" } };
    const conflict = await writesNothing(() => system.refused("triggerWorkflowRun", other));
    expect(conflict).toMatchObject({ __typename: "IdempotencyConflict", code: "IDEMPOTENCY_CONFLICT" });
    expect((await system.ask(list, { id: workflowId })).nodes).toEqual([{ id }]);
    expect(scene.executions()).toEqual(["a"]);
  });

  it("shown: a repeated command is not done again", async () => {
    const scene = system.scene();
    const { id } = await system.begin([[scene.step("a")]]);
    await system.ended(id);
    const input = { ...stepRef(id, "a"), idempotencyKey: "replay-once" };
    expect((await system.act("replayStepRunSubtree", input, "resetCount")).resetCount).toBe(1);
    await waitFor("the second a", () => scene.count("a") === 2);
    await system.until(id, "second end", ({ status }) => status === "SUCCEEDED");
    const events = await system.events(id);
    const repeated = await writesNothing(() => system.act("replayStepRunSubtree", input, "resetCount"));
    expect(repeated.resetCount).toBe(1);
    expect(await system.events(id)).toEqual(events);
    const retried = { workflowRunId: id, mode: "ALL", idempotencyKey: "retry-once" };
    const [first, second] = [
      await system.act("retryWorkflowRun", retried),
      await system.act("retryWorkflowRun", retried),
    ];
    expect(second.id).toBe(first.id);
    await system.ended(first.id);
    expect(scene.count("a")).toBe(3);
  });

  it("shown: expectedRevision", async () => {
    const { id, revision } = await system.begin([[{ ref: "ask", type: "approval" }]]);
    await system.inStatus(id, "WAITING");
    const labels = { workflowRunId: id, labels: { a: "1" }, expectedRevision: revision };
    const labeled = await system.act("setWorkflowRunLabels", labels);
    expect(labeled.revision).toBe(revision + 1);
    const stale: readonly [string, Fields][] = [
      ["setWorkflowRunLabels", { workflowRunId: id, labels: { a: "2" } }],
      ["pauseWorkflowRun", { workflowRunId: id }],
      ["cancelWorkflowRun", { workflowRunId: id }],
      ["decideApproval", { ...stepRef(id, "ask"), verdict: "APPROVE" }],
      ["skipStepRun", stepRef(id, "ask")],
    ];
    for (const [name, input] of stale) {
      const refusal = await writesNothing(() =>
        system.refused(name, { ...input, expectedRevision: revision }),
      );
      expect({ name, ...refusal }).toMatchObject({
        name,
        __typename: "RevisionConflict",
        revision: revision + 1,
      });
    }
    const fresh = { workflowRunId: id, expectedRevision: revision + 1 };
    expect((await system.act("cancelWorkflowRun", fresh)).status).toBe("CANCELED");
  });

  it("shown: dryRun changes nothing", async () => {
    const scene = system.scene();
    const steps = [
      { ref: "ask", type: "approval" },
      { ref: "build", type: "build" },
      scene.step("bad", "exit 1"),
    ];
    const workflowId = await system.deploy({ stages: stagesOf([steps, [scene.step("after")]]) });
    const open = await system.trigger(workflowId);
    await system.stepInStatus(open.id, "bad", "FAILED");
    const held = await system.begin([[scene.heldStep("held")]]);
    const processes = await system.processes(scene, held.id, "held");
    const manual = await system.trigger(workflowId, { start: "MANUAL" });
    const done = await system.begin([[scene.step("done")]]);
    await system.ended(done.id);
    const bulk = { runs: { ids: [open.id, held.id, manual.id, done.id] } };
    const on = ({ id }: Answer) => ({ workflowRunId: id });
    const commands: readonly [string, Fields, string?][] = [
      ["triggerWorkflowRun", { workflowId, idempotencyKey: "rehearsed" }],
      ["executeWorkflow", { workflowId }, "finished"],
      ["startWorkflowRun", on(manual)],
      ["cancelWorkflowRun", on(held)],
      ["pauseWorkflowRun", on(held)],
      ["retryWorkflowRun", { ...on(done), mode: "ALL" }],
      ["finalizeWorkflowRun", on(done)],
      ["deleteWorkflowRun", on(done)],
      ["setWorkflowRunLabels", { ...on(open), labels: { a: "b" } }],
      ["annotateWorkflowRun", { ...on(open), annotations: { a: "b" } }],
      ["abortStepRun", stepRef(held.id, "held")],
      ["retryStepRun", stepRef(open.id, "bad")],
      ["replayStepRunSubtree", stepRef(done.id, "done"), "resetCount"],
      ["skipStepRun", stepRef(open.id, "bad")],
      ["forceCompleteStepRun", stepRef(held.id, "held")],
      ["completeStepRun", { ...stepRef(open.id, "build"), success: true }],
      ["decideApproval", { ...stepRef(open.id, "ask"), verdict: "APPROVE" }],
      ["cancelWorkflowRuns", bulk, "total"],
      ["replayWorkflowRuns", bulk, "total"],
      ["retryWorkflowRuns", bulk, "total"],
      ["deleteWorkflowRuns", bulk, "total"],
      ["setWorkflowRunsLabels", { ...bulk, labels: { a: "b" } }, "total"],
    ];
    for (const [name, input, fields] of commands) {
      await writesNothing(() => system.act(name, { ...input, dryRun: true }, fields)).catch(
        (error: Error) => {
          throw new Error(`${name}: ${error.message}`, { cause: error });
        },
      );
    }
    // What is not legal is refused as it would be.
    const illegal = await system.refused("resumeWorkflowRun", { ...on(held), dryRun: true });
    expect(illegal).toMatchObject({ __typename: "InvalidState", current: "RUNNING" });
    expect(processes.every(isAlive)).toBe(true);
    expect(scene.executions().sort()).toEqual(["bad", "done", "held"]);
    await system.act("cancelWorkflowRuns", { runs: { ids: [open.id, held.id, manual.id] } }, "total");
    await system.ended(held.id);
  });
});
