/**
 * The validation pipeline of reference 000. Its words here: items -> nodes, workflowId -> workflow.id, completedAt ->
 * finishedAt, stageName and stepName -> name, stepType -> type; Pending -> PENDING or QUEUED, Cancelled -> CANCELED.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { keyOf } from "../../src/domain/ids.ts";
import { purgeRuns } from "../../src/duties/purge-runs.ts";
import { waitFor } from "../support/wait-for.ts";
import { type Answer, RunningSystem, stagesOf, stepRef } from "./running-system.ts";
import { isAlive } from "./scene.ts";

const LIST = `query ($filter: WorkflowRunFilter) { workflowRuns(filter: $filter, first: 100) { nodes {
  id workflow { id } workflowName status startedAt finishedAt triggeredBy } } }`;

let system: RunningSystem;
beforeAll(async () => {
  system = await RunningSystem.start();
});
afterAll(async () => await system[Symbol.asyncDispose]());

/** A run that has ended SUCCEEDED or FAILED by its one step. */
async function endedRun(command: string, workflowId?: string): Promise<Answer> {
  const scene = system.scene();
  const id = workflowId ?? (await system.deploy({ stages: stagesOf([[scene.step("only", command)]]) }));
  return await system.ended((await system.trigger(id)).id);
}

describe("runs", () => {
  it("000: list runs, of one workflow, every field", async () => {
    const workflow = await system.deploy({ name: "listed", stages: stagesOf([[{ ref: "a", run: "true" }]]) });
    const first = await endedRun("", workflow);
    const second = await endedRun("", workflow);
    await endedRun("true");
    const { nodes } = await system.ask(LIST, { filter: { workflowIds: [workflow] } });
    expect(nodes.map(({ id }: Answer) => id)).toEqual([second.id, first.id]);
    const viewer = await system.ask("{ viewer { actor { username } } }");
    expect(nodes[1]).toEqual({
      id: first.id,
      workflow: { id: workflow },
      workflowName: "listed",
      status: "SUCCEEDED",
      startedAt: expect.stringMatching(/^\d{4}-.*Z$/),
      finishedAt: first.finishedAt,
      triggeredBy: viewer.actor.username,
    });
    expect(Date.parse(nodes[1].startedAt)).toBeLessThan(Date.parse(nodes[1].finishedAt));
  });

  it("000: list runs, of each status", async () => {
    const scene = system.scene();
    const source = {
      inputs: { code: { type: "string", default: "0" } },
      stages: stagesOf([[scene.heldStep("only", 'exit "$CODE"')]]),
    };
    const workflow = await system.deploy(source);
    const pending = await system.trigger(workflow, { start: "MANUAL" });
    const canceled = await system.trigger(workflow, { start: "MANUAL" });
    await system.act("cancelWorkflowRun", { workflowRunId: canceled.id });
    const running = await system.trigger(workflow);
    await system.inStatus(running.id, "RUNNING");
    const listed = async (...status: string[]) => {
      const { nodes } = await system.ask(LIST, { filter: { workflowIds: [workflow], status } });
      return nodes.map(({ id, finishedAt }: Answer) => [id, finishedAt !== null]);
    };
    expect(await listed("PENDING", "QUEUED")).toEqual([[pending.id, false]]);
    expect(await listed("RUNNING")).toEqual([[running.id, false]]);
    expect(await listed("CANCELED")).toEqual([[canceled.id, true]]);
    expect(await listed("SUCCEEDED")).toEqual([]);
    scene.open("only");
    await system.ended(running.id);
    const failed = await system.trigger(workflow, { inputs: { code: "3" } });
    await system.ended(failed.id);
    expect(await listed("SUCCEEDED")).toEqual([[running.id, true]]);
    expect(await listed("FAILED")).toEqual([[failed.id, true]]);
    expect(await listed("RUNNING")).toEqual([]);
  });

  it("000: get run with stages and steps", async () => {
    const scene = system.scene();
    const stages = [
      { name: "build", steps: [scene.step("compile", "", { name: "Compile it" }), scene.step("lint")] },
      { name: "release", steps: [{ ref: "ask", type: "approval" }] },
    ];
    const { id } = await system.trigger(await system.deploy({ stages }));
    await system.inStatus(id, "WAITING");
    const run = await system.ask(
      `query ($id: ID!) { workflowRun(id: $id) { id status
         stageRuns { id name status stepRuns { id name stepRef type status } } } }`,
      { id },
    );
    const key = expect.stringMatching(/^\w+_/);
    expect(run).toEqual({
      id,
      status: "WAITING",
      stageRuns: [
        {
          id: key,
          name: "build",
          status: "SUCCEEDED",
          stepRuns: [
            { id: key, name: "Compile it", stepRef: "compile", type: "run", status: "SUCCEEDED" },
            { id: key, name: null, stepRef: "lint", type: "run", status: "SUCCEEDED" },
          ],
        },
        {
          id: key,
          name: "release",
          status: "WAITING",
          stepRuns: [{ id: key, name: null, stepRef: "ask", type: "approval", status: "WAITING" }],
        },
      ],
    });
    await system.act("cancelWorkflowRun", { workflowRunId: id });
  });

  it("000: delete run and all its data", async () => {
    const kept = await endedRun("echo kept");
    const gone = await endedRun("echo said; echo release=7 >> $RUNCAST_OUTPUT; exit 1");
    const payload = await system.act("deleteWorkflowRun", { workflowRunId: gone.id }, "workflowRun { id }");
    expect(payload.workflowRun).toBeNull();

    const step = gone.steps.only.id;
    const gets = "query ($id: ID!) { workflowRun(id: $id) { id } }";
    expect((await system.trouble(gets, { id: gone.id })).code).toBe("NOT_FOUND");
    const nodes = "query ($ids: [ID!]!) { nodes(ids: $ids) { id } }";
    expect(await system.ask(nodes, { ids: [gone.id, step, kept.id] })).toEqual([null, null, { id: kept.id }]);
    const listed = await system.ask(LIST, { filter: { ids: [gone.id, kept.id] } });
    expect(listed.nodes.map(({ id }: Answer) => id)).toEqual([kept.id]);
    const steps =
      "query ($ids: [ID!]) { stepRuns(filter: { runIds: $ids }) { nodes { workflowRun { id } } } }";
    const { nodes: left } = await system.ask(steps, { ids: [gone.id, kept.id] });
    expect(left).toEqual([{ workflowRun: { id: kept.id } }]);
    const again = await system.refused("deleteWorkflowRun", { workflowRunId: gone.id });
    expect(again.__typename).toBe("NotFound");

    await purgeRuns.run(system.server.app.engine);
    expect(await tablesAbout(kept.id)).toContain("step_attempt");
    // What stays is that there was a run and who deleted it, and for a day that lists are to be told.
    expect(await tablesAbout(gone.id)).toEqual(["audit_entry", "run_change", "run_tombstone"]);
  });

  it("000: delete run and all its data, while it runs", async () => {
    const scene = system.scene();
    const { id } = await system.begin([[scene.heldStep("held")], [scene.step("never")]]);
    const processes = await system.processes(scene, id, "held");
    expect(await system.refused("deleteWorkflowRun", { workflowRunId: id })).toMatchObject({
      __typename: "InvalidState",
      current: "RUNNING",
    });
    expect(processes.every(isAlive)).toBe(true);
    await system.act("deleteWorkflowRun", { workflowRunId: id, force: true }, "workflowRun { id }");
    await waitFor("their death", () => !processes.some(isAlive));
    expect((await system.ask(LIST, { filter: { ids: [id] } })).nodes).toEqual([]);
    expect(scene.executions()).toEqual(["held"]);
  });
});

describe("steps", () => {
  it("000: abort step", async () => {
    const scene = system.scene();
    const after = scene.step("after", "", { needs: ["held"] });
    const { id } = await system.begin([[scene.heldStep("held"), after, scene.step("beside")]]);
    const processes = await system.processes(scene, id, "held");
    const reason = "wrong branch";
    const answer = await system.act("abortStepRun", { ...stepRef(id, "held"), reason });
    expect(["CANCELING", "CANCELED"]).toContain(answer.status);

    const run = await system.ended(id);
    expect(processes.some(isAlive)).toBe(false);
    expect(run).toMatchObject({ status: "FAILED", result: "FAILED" });
    expect(run.steps.held).toMatchObject({
      status: "CANCELED",
      result: "ABORTED",
      cancelProof: "CONFIRMED",
      statusReason: { code: "ABORTED", message: reason },
    });
    expect(run.steps.after).toMatchObject({ status: "SKIPPED", statusReason: { code: "DEPENDENCY" } });
    expect(run.steps.beside.status).toBe("SUCCEEDED");
    expect(scene.executions().sort()).toEqual(["beside", "held"]);
  });

  it("000: abort step, by its id, before it began", async () => {
    const scene = system.scene();
    const { id, stepRuns } = await system.begin([[scene.heldStep("first")], [scene.step("second")]]);
    await system.processes(scene, id, "first");
    const second = stepRuns.nodes.find(({ stepRef: ref }: Answer) => ref === "second").id;
    expect((await system.act("abortStepRun", { step: { id: second } })).status).toBe("CANCELED");
    scene.open("first");
    expect((await system.ended(id)).status).toBe("FAILED");
    expect(scene.executions()).toEqual(["first"]);
    const late = await system.refused("abortStepRun", { step: { id: second } });
    expect(late).toMatchObject({ __typename: "InvalidState", current: "CANCELED" });
  });

  it("000: complete build step", async () => {
    const scene = system.scene();
    const told = scene.step("publish", `echo "$RELEASE $STATE" >> ${scene.path("told")}`, {
      env: { RELEASE: "${{ steps.build.outputs.releaseId }}", STATE: "${{ steps.build.outputs.state }}" },
    });
    const { id } = await system.begin([[{ ref: "build", type: "build" }], [told]]);
    await system.stepInStatus(id, "build", "WAITING");
    const body = { ...stepRef(id, "build"), releaseId: "rel-42", success: true, message: "built on host 7" };
    const step = await system.act("completeStepRun", { ...body, output: { state: "signed" } });
    expect(step).toMatchObject({ status: "SUCCEEDED", result: "PASSED", releaseId: "rel-42" });
    const run = await system.ended(id);
    expect(run.status).toBe("SUCCEEDED");
    expect(run.steps.build.output).toEqual({ releaseId: "rel-42", state: "signed" });
    expect(scene.lines("told")).toEqual(["rel-42 signed"]);

    const before = await system.events(id);
    const same = { ...body, output: { state: "signed" } };
    expect((await system.act("completeStepRun", same)).status).toBe("SUCCEEDED");
    const otherOutput = await system.refused("completeStepRun", body);
    expect(otherOutput).toMatchObject({ __typename: "InvalidState", current: "SUCCEEDED" });
    const other = await system.refused("completeStepRun", { ...body, releaseId: "rel-43" });
    expect(other).toMatchObject({ __typename: "InvalidState", current: "SUCCEEDED" });
    expect(await system.events(id)).toEqual(before);
    expect(scene.count("publish")).toBe(1);
  });

  it("000: complete build step, as failed", async () => {
    const scene = system.scene();
    const { id } = await system.begin([[{ ref: "build", type: "build" }], [scene.step("publish")]]);
    await system.stepInStatus(id, "build", "WAITING");
    const message = "linker: out of memory";
    await system.act("completeStepRun", { ...stepRef(id, "build"), releaseId: "r", success: false, message });
    const run = await system.ended(id);
    expect(run).toMatchObject({ status: "FAILED", result: "FAILED" });
    expect(run.error).toContain(message);
    expect(run.steps.build).toMatchObject({ status: "FAILED", releaseId: "r", error: message });
    expect(run.steps.publish.status).toBe("SKIPPED");
    expect(scene.executions()).toEqual([]);
  });
});

describe("authorization", () => {
  it("000: project roles, users read and change nothing", async () => {
    const user = await system.server.tokenWith("default", "PROJECT_USER");
    const scene = system.scene();
    const done = await endedRun("true");
    const { id } = await system.begin([[scene.heldStep("held"), { ref: "ask", type: "approval" }]]);
    const { workflow } = await system.ask("query ($id: ID!) { workflowRun(id: $id) { workflow { id } } }", {
      id,
    });
    const processes = await system.processes(scene, id, "held");
    const before = await system.events(id);
    const run = { workflowRunId: id };
    const held = stepRef(id, "held");
    const refusals: readonly [string, object][] = [
      ["triggerWorkflowRun", { workflowId: workflow.id }],
      ["executeWorkflow", { workflowId: workflow.id }],
      ["cancelWorkflowRun", run],
      ["pauseWorkflowRun", run],
      ["setWorkflowRunLabels", { ...run, labels: { a: "b" } }],
      ["abortStepRun", held],
      ["forceCompleteStepRun", held],
      ["replayStepRunSubtree", held],
      ["decideApproval", { ...stepRef(id, "ask"), verdict: "APPROVE" }],
      ["retryWorkflowRun", { workflowRunId: done.id, mode: "ALL" }],
      ["finalizeWorkflowRun", { workflowRunId: done.id }],
      ["deleteWorkflowRun", { workflowRunId: done.id }],
      ["deployWorkflow", { projectId: "default", source: "name: x" }],
    ];
    for (const [name, input] of refusals) await system.forbidden(name, { ...input }, user);

    const read = "query ($id: ID!) { workflowRun(id: $id) { id status stageRuns { stepRuns { stepRef } } } }";
    expect(await system.ask(read, { id }, user)).toMatchObject({ id, status: "RUNNING" });
    expect((await system.ask(LIST, { filter: { ids: [id, done.id] } }, user)).nodes).toHaveLength(2);
    expect(processes.every(isAlive)).toBe(true);
    expect(await system.events(id)).toEqual(before);
    expect((await system.run(done.id)).finalizedAt).toBeNull();
    await system.act("cancelWorkflowRun", run);
    await system.ended(id);
  });

  it("000: project roles, superusers create, abort and delete", async () => {
    const superuser = await system.server.tokenWith("default", "PROJECT_SUPERUSER");
    const scene = system.scene();
    const workflow = await system.deploy({ stages: stagesOf([[scene.heldStep("held")]]) });
    const { id } = await system.trigger(workflow, {}, superuser);
    const processes = await system.processes(scene, id, "held");
    await system.act("abortStepRun", stepRef(id, "held"), undefined, superuser);
    expect((await system.ended(id)).status).toBe("FAILED");
    expect(processes.some(isAlive)).toBe(false);
    await system.act("deleteWorkflowRun", { workflowRunId: id }, "workflowRun { id }", superuser);
    expect((await system.ask(LIST, { filter: { ids: [id] } })).nodes).toEqual([]);
    await system.forbidden("deployWorkflow", { projectId: "default", source: "name: x" }, superuser);
  });

  it("000: project roles, administrators deploy, strangers see nothing", async () => {
    const admin = await system.server.tokenWith("default", "PROJECT_ADMIN");
    const stranger = await system.server.tokenWith("elsewhere", "PROJECT_ADMIN");
    const source = `name: of-admin\nstages: [{ name: s, steps: [{ ref: a, run: "true" }] }]\n`;
    const deployed = { projectId: "default", source };
    const { workflow } = await system.act("deployWorkflow", deployed, "workflow { id }", admin);
    const { id } = await system.trigger(workflow.id, {}, admin);
    await system.ended(id);
    const unknown = id.replace(/.{4}$/, "0000");
    const get = "query ($id: ID!) { workflowRun(id: $id) { id } }";
    for (const run of [id, unknown]) {
      expect(await system.trouble(get, { id: run }, stranger)).toMatchObject({ code: "NOT_FOUND" });
      const refusal = await system.refused("deleteWorkflowRun", { workflowRunId: run }, undefined, stranger);
      expect(refusal).toMatchObject({ __typename: "NotFound", path: "input.workflowRunId" });
    }
    expect((await system.ask(LIST, {}, stranger)).nodes).toEqual([]);
    expect((await system.run(id)).status).toBe("SUCCEEDED");
  });
});

/** Tables that have a row in which the run is named. */
async function tablesAbout(runId: string): Promise<string[]> {
  const tables = await system.server.database.query<{ name: string }>(
    "select relname as name from pg_class where relkind in ('r', 'p') and not relispartition and relnamespace = 'public'::regnamespace order by 1",
  );
  const key = keyOf("WorkflowRun", runId);
  const looks = tables.map(
    ({ name }) => `select '${name}' as name where exists (select from "${name}" t where t::text like $1)`,
  );
  // An audit entry names it as clients do.
  looks.push("select 'audit_entry' as name where exists (select from audit_entry where target = $2)");
  const found = await system.server.database.query<{ name: string }>(looks.join(" union "), [
    `%${key}%`,
    runId,
  ]);
  return found.map(({ name }) => name).sort();
}
