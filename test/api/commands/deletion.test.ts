import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { keyOf } from "../../../src/domain/ids.ts";
import { forgetOldChanges } from "../../../src/duties/forget-changes.ts";
import { forgetOld } from "../../../src/duties/forget-old.ts";
import { purgeRuns } from "../../../src/duties/purge-runs.ts";
import { sweepSessions } from "../../../src/duties/sweep-sessions.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { type ProtocolRunner, startProtocolRunner } from "../../support/protocol-runner.ts";
import { startTestServer, type TestServer } from "../../support/server.ts";
import { deploy, type TriggeredRun, trigger } from "../../support/workflows.ts";
import { followEvents, START } from "../streams.ts";
import { auditCount, carriedOut, query, refusal } from "./commands.ts";

const FLOW = `name: deleted
stages:
  - name: a
    steps: [{ ref: x, run: "true" }, { ref: ok, type: approval, quorum: 2 }, { ref: ext, type: external }]
`;

const clock = new ManualClock();
let server: TestServer;
let runner: ProtocolRunner;
let workflow: string;
beforeAll(async () => {
  server = await startTestServer({ clock, runDuties: false });
  runner = await startProtocolRunner(server);
  workflow = await deploy(server.admin, FLOW);
});
afterAll(async () => await server[Symbol.asyncDispose]());

/** A run that has something in every table that a run can be in, and its way to other runs. */
async function fullRun(): Promise<TriggeredRun> {
  await runner.workOff();
  const run = await trigger(server.admin, workflow, { labels: { full: "yes" } });
  const task = await runner.claimOne();
  await runner.start(task);
  await runner.log(task, "a line");
  await runner.finish(task, "SUCCEEDED", { output: { a: 1 } });
  const step = (ref: string) => ({ step: { id: run.steps[ref] } });
  await carriedOut(server, "completeStepRun", { ...step("ext"), success: true, output: { b: 2 } });
  await carriedOut(server, "decideApproval", { ...step("ok"), verdict: "REJECT" });
  return run;
}

const remove = async ({ id }: { id: string }, more: object = {}) =>
  await carriedOut(server, "deleteWorkflowRun", { workflowRunId: id, ...more });

/** In which columns of which tables the run's key stands, and how often. */
async function placesOf(id: string): Promise<Record<string, number>> {
  const columns = await server.database.query<{ place: string; text: string }>(
    `select c.table_name || '.' || c.column_name as place,
        format('select count(*)::integer as count from %I where %I = $1', c.table_name, c.column_name) as text
      from information_schema.columns c join pg_class t on t.relname = c.table_name and not t.relispartition
      where c.table_schema = 'public' and c.udt_name = 'uuid' and t.relkind in ('r', 'p')`,
  );
  const places: Record<string, number> = {};
  for (const { place, text } of columns) {
    const [row] = await server.database.query<{ count: number }>(text, [keyOf("WorkflowRun", id)]);
    if (row!.count > 0) places[place] = row!.count;
  }
  return places;
}

/** What is left of a purged run: the mark, and for a day that it changed, which its lists are told. */
const REMAINS = { "run_tombstone.run_id": 1, "run_change.run_id": expect.any(Number) };

describe("a deleted run", () => {
  it("is hidden at once, wherever it could be seen", async () => {
    const kept = await fullRun();
    const run = await fullRun();
    const retry = (await carriedOut(server, "retryWorkflowRun", { workflowRunId: run.id })).workflowRun.id;
    const child = (await trigger(server.admin, workflow, { parentRunId: run.id, parentStepRef: "x" })).id;
    const chained = (await trigger(server.admin, workflow, { sourceRunId: run.id })).id;
    const parent = await trigger(server.admin, workflow);
    const inner = await trigger(server.admin, workflow, { parentRunId: parent.id });
    const { items } = await carriedOut(server, "setWorkflowRunsLabels", {
      runs: { ids: [run.id] },
      labels: { a: "b" },
    });
    expect(items[0].originalRun.id).toBe(run.id);
    const counts = `workflowRunCounts(filter: { labels: [{ key: "full", values: ["yes"] }] }) { total }`;
    const [before] = [await query(server, `{ ${counts} }`)];

    const { workflowRun } = await remove(run);
    expect(workflowRun).toBeNull();
    await remove(inner, { force: true });

    const ids = [run.id, run.steps["x"]!, run.steps["ok"]!, kept.id];
    const { nodes } = await query(server, `{ nodes(ids: ${JSON.stringify(ids)}) { id } }`);
    expect(nodes).toEqual([null, null, null, { id: kept.id }]);
    for (const text of [
      `node(id: "${run.id}")`,
      `node(id: "${run.steps["x"]}")`,
      `workflowRun(id: "${run.id}")`,
    ]) {
      const { body } = await server.post({ query: `{ ${text} { id } }` });
      expect(Object.values(body.data)).toEqual([null]);
    }
    const compared = await server.post({
      query: `{ compareWorkflowRuns(baseId: "${kept.id}", headId: "${run.id}") { __typename } }`,
    });
    expect(compared.body.errors).toMatchObject([{ extensions: { code: "NOT_FOUND" } }]);

    const lists = JSON.stringify(
      await query(
        server,
        `{ workflowRuns(first: 100) { nodes { id } } byId: workflowRuns(filter: { ids: ["${run.id}"] }) { nodes { id } totalCount { value } }
          stepRuns(first: 100) { nodes { id } } approvals(first: 100) { nodes { id stepRun { id } } }
          workflow(projectId: "default", name: "deleted") { id } }`,
      ),
    );
    expect(lists).toContain(kept.id);
    expect(lists).not.toContain(run.id);
    expect(lists).not.toContain(run.steps["x"]!);
    expect(lists).not.toContain(run.steps["ok"]!);
    const after = await query(server, `{ ${counts} }`);
    // The retry has its labels too; the others have none.
    expect(after.workflowRunCounts.total).toBe(before.workflowRunCounts.total - 1);

    const links = await query(
      server,
      `{ retry: workflowRun(id: "${retry}") { retryOf { id } rootRun { id } stepRuns { nodes { reusedFrom { id } } } }
        child: workflowRun(id: "${child}") { parentRun { id } parentStepRun { id } }
        chained: workflowRun(id: "${chained}") { sourceRun { id } previousRun { id } }
        parent: workflowRun(id: "${parent.id}") { children { id } } }`,
    );
    expect(links).toMatchObject({
      retry: { retryOf: null, rootRun: null },
      child: { parentRun: null, parentStepRun: null },
      chained: { sourceRun: null },
      parent: { children: [] },
    });
    expect(JSON.stringify(links)).not.toContain(run.steps["x"]!);
    const operation = await query(
      server,
      "{ bulkOperations(first: 1) { nodes { items { nodes { originalRun { id } } } } } }",
    );
    expect(operation.bulkOperations.nodes[0].items.nodes).toEqual([{ originalRun: null }]);
    expect(await refusal(server, "deleteWorkflowRun", { workflowRunId: run.id, force: true })).toMatchObject({
      code: "NOT_FOUND",
    });
  });

  it("leaves one audit entry and one mark, and no row else once it is purged", async () => {
    const run = await fullRun();
    const audits = await auditCount(server, "deleteWorkflowRun");
    await remove(run);
    expect(await auditCount(server, "deleteWorkflowRun")).toBe(audits + 1);
    const hidden = await placesOf(run.id);
    const filled = Object.keys(hidden);
    for (const table of [
      "run_event",
      "step_attempt",
      "log_chunk",
      "log_stream",
      "step_result",
      "approval",
      "approval_decision",
    ]) {
      expect(filled).toContain(`${table}.run_id`);
    }
    await purgeRuns.run(server.app.engine);
    expect(await placesOf(run.id)).toEqual(REMAINS);
    clock.advance(30 * 24 * 60 * 60 * 1_000 + 1);
    await forgetOld.run(server.app.engine);
    await forgetOldChanges.run(server.app.engine);
    expect(await placesOf(run.id)).toEqual({});
    runner = await startProtocolRunner(server);
  });

  it("that still ran is purged only when its steps are dead", async () => {
    await runner.workOff();
    const run = await trigger(server.admin, workflow);
    const task = await runner.claimOne();
    await runner.start(task);
    await remove(run, { force: true });
    const { nodes } = await query(server, `{ nodes(ids: ["${run.id}"]) { id } }`);
    expect(nodes).toEqual([null]);
    // Its runner is told to kill, and until it has, nothing is purged.
    expect(await runner.cancels()).toMatchObject([
      { stepRunId: task.stepRunId, fence: task.fence, mode: "FORCE" },
    ]);
    await purgeRuns.run(server.app.engine);
    expect(Object.keys(await placesOf(run.id))).toContain("workflow_run.id");
    expect(await runner.finish(task, "ABORTED")).toBe("APPLIED");
    await purgeRuns.run(server.app.engine);
    expect(await placesOf(run.id)).toEqual(REMAINS);
  });

  it("whose runner never comes back is purged when its lease is over", async () => {
    await runner.workOff();
    const run = await trigger(server.admin, workflow);
    await runner.start(await runner.claimOne());
    await remove(run, { force: true });
    await purgeRuns.run(server.app.engine);
    expect(Object.keys(await placesOf(run.id))).toContain("step_run.run_id");
    clock.advance(60_000);
    await sweepSessions.run(server.app.engine);
    await purgeRuns.run(server.app.engine);
    expect(await placesOf(run.id)).toEqual(REMAINS);
    runner = await startProtocolRunner(server);
  });

  it("is retried and built on no more, but what was made of it goes on", async () => {
    const run = await fullRun();
    const { workflowRun } = await carriedOut(server, "retryWorkflowRun", { workflowRunId: run.id });
    await remove(run);
    await purgeRuns.run(server.app.engine);
    await runner.workOff();
    const { node } = await query(
      server,
      `{ node(id: "${workflowRun.id}") { ... on WorkflowRun { status stepRuns { nodes { stepRef status output } } } } }`,
    );
    const steps = node.stepRuns.nodes.map(({ stepRef, status, output }: Record<string, unknown>) => [
      stepRef,
      status,
      output,
    ]);
    expect(steps).toContainEqual(["x", "SUCCEEDED", { a: 1 }]);
    expect(steps).toContainEqual(["ext", "SUCCEEDED", { b: 2 }]);
    const again = { workflowId: workflow, sourceRunId: run.id };
    expect(await refusal(server, "triggerWorkflowRun", again)).toMatchObject({ path: "input.sourceRunId" });
  });
});

describe("a subscription to a run that is deleted", () => {
  it("gets RunDeleted as its last event and is completed", async () => {
    const run = await trigger(server.admin, workflow);
    await using stream = followEvents(server, run.id);
    await using patient = followEvents(server, run.id, { until: "DELETED" });
    await stream.until("CaughtUp");
    await patient.until("CaughtUp");
    await remove(run, { force: true });
    for (const each of [stream, patient]) {
      const messages = await each.all();
      expect(messages.at(-1)).toMatchObject({
        __typename: "RunDeleted",
        actor: { type: "USER" },
        workflowRun: null,
      });
    }
    const seqs = (await patient.all()).flatMap(({ seq }) => seq ?? []);
    expect(seqs).toEqual(Array.from({ length: seqs.length }, (_, i) => i + 1));
    expect(patient.types.filter((type) => type === "RunDeleted")).toHaveLength(1);
  });

  it("gets it also when it is resumed after the deletion, or after the purge", async () => {
    const run = await fullRun();
    await using first = followEvents(server, run.id, { until: "DELETED" });
    const seen = await first.until("CaughtUp");
    const cursor = seen.at(-1)!.cursor;
    const early = seen[0]!.cursor;
    await first[Symbol.asyncDispose]();
    await remove(run);
    const ends: unknown[] = [];
    for (const isPurged of [false, true]) {
      if (isPurged) await purgeRuns.run(server.app.engine);
      for (const after of [{ cursor }, { cursor: early }, START]) {
        await using resumed = followEvents(server, run.id, { after, until: "FINISHED" });
        const messages = await resumed.all();
        const [last] = messages.slice(-1);
        expect(last).toMatchObject({ __typename: "RunDeleted" });
        expect(messages.filter(({ __typename }) => __typename === "RunDeleted")).toHaveLength(1);
        ends.push(JSON.stringify([last!["seq"], last!.cursor, last!["at"]]));
      }
    }
    expect(new Set(ends).size).toBe(1);
  });

  it("is nothing to somebody of another project", async () => {
    const run = await fullRun();
    await remove(run);
    const { Subscription } = await import("../sockets.ts");
    const text = `subscription { runEvents(workflowRunId: "${run.id}", after: { at: START }) { __typename cursor } }`;
    await using stream = new Subscription(server.url, await server.tokenWith("other", "PROJECT_ADMIN"), text);
    expect(await stream.refusal()).toMatchObject([{ extensions: { code: "NOT_FOUND" } }]);
  });
});
