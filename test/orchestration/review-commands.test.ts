import pg from "pg";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { BULK_LEASE_MS, bulkRuns } from "../../src/actions/bulk-runs.ts";
import { cancelWorkflowRun } from "../../src/actions/cancel-workflow-run.ts";
import { abortStepRun, forceCompleteStepRun, replayStepRunSubtree } from "../../src/actions/command-steps.ts";
import { deleteWorkflowRun } from "../../src/actions/delete-workflow-run.ts";
import { defaultRunOptions } from "../../src/actions/run-options.ts";
import { startWorkflowRun } from "../../src/actions/start-workflow-run.ts";
import { triggerWorkflowRun } from "../../src/actions/trigger-workflow-run.ts";
import { decide } from "../../src/domain/decide.ts";
import { resolveWithin } from "../../src/domain/expressions.ts";
import { compileGraph } from "../../src/domain/graph.ts";
import { newRunState } from "../../src/domain/run-state.ts";
import { applySignals } from "../../src/duties/apply-signals.ts";
import { purgeRuns } from "../../src/duties/purge-runs.ts";
import { runBulkOperations } from "../../src/duties/run-bulk-operations.ts";
import { bulkItems, findBulkOperations } from "../../src/persistence/queries/bulk-operations.ts";
import { child, stage, step } from "../domain/workflow-builder.ts";
import { plainCommand as command } from "../support/commands.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { waitFor } from "../support/wait-for.ts";
import { contradictions } from "./consistency.ts";
import { NO_OVERRIDES } from "./people.ts";
import { readRun } from "./run-record.ts";
import { ScriptedSession } from "./scripted-session.ts";
import { openWorkbench, type Workbench } from "./workbench.ts";

const HOUR_MS = 60 * 60 * 1_000;
const reason = null;

let bench: Workbench;
let clock: ManualClock;

beforeEach(async () => {
  clock = new ManualClock();
  bench = await openWorkbench(clock);
});
afterEach(async () => await bench[Symbol.asyncDispose]());

async function look(runId: string) {
  const record = await readRun(bench.engine, runId);
  expect(contradictions(record)).toEqual([]);
  return record;
}

async function trigger(...refs: string[]): Promise<string> {
  return await bench.trigger(await bench.deploy([stage("only", ...refs.map((ref) => step(ref)))]));
}

async function row<Row extends object>(text: string, ...values: unknown[]): Promise<Row | undefined> {
  return (await bench.engine.database.query<Row>({ text }, values))[0];
}

describe("deleting a run", () => {
  test("works while a runner claims its steps", async () => {
    const runId = await trigger("a", "b", "c");
    const session = await ScriptedSession.open(bench);
    const client = new pg.Client({ connectionString: bench.database.url });
    await client.connect();
    await client.query("begin");
    await client.query("select from step_run where run_id = $1 and idx = 0 for no key update", [runId]);
    const deleted = deleteWorkflowRun(bench.engine, bench.person, { runId, command, force: true });
    await waitFor("the deletion to wait for the step", async () => {
      const waiting = await bench.database.query(
        "select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'",
      );
      return waiting.length > 0;
    });
    expect(await session.claim()).toHaveLength(2);
    await client.query("commit");
    await client.end();
    await deleted;
    expect(
      await row("select from workflow_run where id = $1 and deleted_at is not null", runId),
    ).toBeDefined();
    expect(await row("select from run_tombstone where run_id = $1", runId)).toBeDefined();
  });

  test("answers the same under its key once the run is gone", async () => {
    const runId = await trigger("a");
    const keyed = { ...command, idempotencyKey: "once" };
    const request = { runId, command: keyed, force: true };
    await deleteWorkflowRun(bench.engine, bench.person, request);
    await deleteWorkflowRun(bench.engine, bench.person, request);
    await purgeRuns.run(bench.engine);
    await deleteWorkflowRun(bench.engine, bench.person, request);
    const other = { ...request, command: { ...keyed, idempotencyKey: "another" } };
    await expect(deleteWorkflowRun(bench.engine, bench.person, other)).rejects.toThrow();
  });

  test("a report that comes while it is purged is stale, and harms nobody", async () => {
    const runId = await trigger("a");
    const session = await ScriptedSession.open(bench);
    const task = await session.claimOne();
    await session.start(task);
    await session.report(task, { outcome: "FAILED" });
    await deleteWorkflowRun(bench.engine, bench.person, { runId, command, force: false });
    // As far as a purge that was stopped half-way came.
    await bench.database.query("delete from step_attempt where run_id = $1", [runId]);
    await bench.database.query("delete from step_run where run_id = $1", [runId]);
    expect(await session.report(task, { outcome: "FAILED" })).toBe("STALE");
    await purgeRuns.run(bench.engine);
    expect(await row("select from workflow_run where id = $1", runId)).toBeUndefined();
  });

  test("one that cannot be purged does not hold up the others", async () => {
    const [bad, good] = [await trigger("a"), await trigger("a")];
    for (const runId of [bad, good]) {
      await deleteWorkflowRun(bench.engine, bench.person, { runId, command, force: true });
      clock.advance(1_000);
    }
    await bench.database.query(
      `create function refuse() returns trigger language plpgsql as $$ begin raise exception 'no'; end $$`,
    );
    await bench.database.query(
      `create trigger refuse before delete on stage_run for each row when (old.run_id = '${bad}')
       execute function refuse()`,
    );
    await expect(purgeRuns.run(bench.engine)).rejects.toThrow();
    expect(await row("select from workflow_run where id = $1", good)).toBeUndefined();
  });

  test("a child that was deleted after it succeeded has succeeded for its parent", async () => {
    const childId = await bench.deploy([stage("only", step("a"))], { name: "child" });
    const parent = await bench.trigger(await bench.deploy([stage("only", child("c"))], { child: "child" }));
    await applySignals.run(bench.engine);
    const made = (await row<{ id: string }>("select id from workflow_run where workflow_id = $1", childId))!
      .id;
    const session = await ScriptedSession.open(bench);
    await session.report(await session.claimOne());
    await deleteWorkflowRun(bench.engine, bench.person, { runId: made, command, force: false });
    await purgeRuns.run(bench.engine);
    await applySignals.run(bench.engine);
    expect((await look(parent)).state.status).toBe("SUCCEEDED");
    await purgeRuns.run(bench.engine);
    expect(await row("select from workflow_run where id = $1", made)).toBeUndefined();
  });
});

describe("starting a run by hand", () => {
  const MANUAL = { start: "MANUAL", timeoutMs: HOUR_MS } as const;

  test("gives it its whole time from then on", async () => {
    const workflow = await bench.deploy([stage("only", step("a"))]);
    const runId = await bench.trigger(workflow, MANUAL);
    clock.advance(HOUR_MS / 2);
    await startWorkflowRun(bench.engine, bench.person, { runId, command, overrides: NO_OVERRIDES });
    const { expiresAt } = (await look(runId)).state;
    expect(expiresAt.getTime() - clock.now().getTime()).toBe(HOUR_MS);
  });

  test("with another timeout means that one", async () => {
    const workflow = await bench.deploy([stage("only", step("a"))]);
    const runId = await bench.trigger(workflow, MANUAL);
    const overrides = { ...NO_OVERRIDES, timeoutMs: 2 * HOUR_MS };
    await startWorkflowRun(bench.engine, bench.person, { runId, command, overrides });
    const { expiresAt } = (await look(runId)).state;
    expect(expiresAt.getTime() - clock.now().getTime()).toBe(2 * HOUR_MS);
  });

  test("with labels tells of them", async () => {
    const workflow = await bench.deploy([stage("only", step("a"))]);
    const runId = await bench.trigger(workflow, { ...MANUAL, labels: { a: "1" } });
    const overrides = { ...NO_OVERRIDES, labels: { b: "2" } };
    await startWorkflowRun(bench.engine, bench.person, { runId, command, overrides });
    const { events } = await look(runId);
    const told = events.find(({ type }) => type === "RunLabelsChanged");
    expect(told?.payload).toEqual({ labels: { a: "1", b: "2" } });
  });
});

test("a forced cancel is forced upon the child of a step that is being stopped already", async () => {
  await bench.deploy([stage("only", step("a"))], { name: "child" });
  const runId = await bench.trigger(await bench.deploy([stage("only", child("c"))], { child: "child" }));
  await applySignals.run(bench.engine);
  const session = await ScriptedSession.open(bench);
  const task = await session.claimOne();
  await session.start(task);
  await abortStepRun(bench.engine, bench.person, { step: { runId, index: 0 }, command, reason });
  await applySignals.run(bench.engine);
  await cancelWorkflowRun(bench.engine, bench.person, { runId, command, mode: "FORCE", reason });
  await applySignals.run(bench.engine);
  const { cancels } = await session.heartbeat([task]);
  expect(cancels.map(({ mode }) => mode)).toEqual(["FORCE"]);
});

test("a replay counts every step once", async () => {
  const workflow = await bench.deploy([stage("only", step("a"), step("b", { needs: ["a"] }))]);
  const runId = await bench.trigger(workflow);
  const session = await ScriptedSession.open(bench);
  await session.start(await session.claimOne());
  const asked = { step: { runId, index: 0 }, command };
  await forceCompleteStepRun(bench.engine, bench.person, { ...asked, output: {} });
  expect((await replayStepRunSubtree(bench.engine, bench.person, asked)).result).toBe(1);
});

describe("a bulk command", () => {
  test("is not stuck by one run that fails for reasons of ours", async () => {
    const runIds = [await trigger("a"), await trigger("a"), await trigger("a")];
    await bench.database.query(
      `create function refuse() returns trigger language plpgsql as $$ begin raise exception 'secret'; end $$`,
    );
    await bench.database.query(
      `create trigger refuse before update on workflow_run for each row when (old.id = '${runIds[1]}')
       execute function refuse()`,
    );
    const { items, operationId } = await bulkRuns(bench.engine, bench.person, {
      mutation: "cancelWorkflowRuns",
      task: { action: "CANCEL", mode: "FORCE", reason },
      selection: { runIds },
      command,
    });
    expect(items.map(({ outcome }) => outcome)).toEqual(["CANCELED", null, "CANCELED"]);
    clock.advance(BULK_LEASE_MS);
    await expect(runBulkOperations.run(bench.engine)).rejects.toBeInstanceOf(AggregateError);
    const [end] = await bulkItems(bench.engine.database, operationId!, 1, 1);
    expect(end).toMatchObject({ outcome: "ERROR", message: "internal error" });
    const [operation] = await findBulkOperations(bench.engine.database, [operationId!]);
    expect(operation).toMatchObject({ status: "COMPLETED", succeeded: 2, failed: 1 });
  });
});

test("commands do not need a second connection while they hold one", async () => {
  await bench.closeEngines();
  const workflow = await (async () => {
    await bench[Symbol.asyncDispose]();
    bench = await openWorkbench(clock, { poolSize: 1 });
    return await bench.deploy([stage("only", step("a"))]);
  })();
  const parent = await bench.trigger(workflow);
  const request = { workflowId: workflow, options: defaultRunOptions(), sourceRunId: null, command };
  await triggerWorkflowRun(bench.engine, bench.person, {
    ...request,
    parent: { runId: parent, stepRef: "a" },
  });
  const project = await row<{ id: string }>("select id from project");
  const { total } = await bulkRuns(bench.engine, bench.person, {
    mutation: "cancelWorkflowRuns",
    task: { action: "CANCEL", mode: "FORCE", reason },
    selection: { projectIds: [project!.id], filter: {} },
    command,
  });
  expect(total).toBe(2);
});

test("a long chain of steps that wait for a failure is judged in one walk", () => {
  const refs = Array.from({ length: 10_000 }, (_, i) => `s${i}`);
  const steps = refs.map((ref, i) => step(ref, i === 0 ? {} : { needs: [refs[i - 1]!], when: "on_failure" }));
  const { graph } = compileGraph([stage("only", ...steps)]);
  const settings = { timeoutMs: HOUR_MS, maxParallelSteps: null, stepRetries: null };
  const run = newRunState("run", graph!, settings, clock.now());
  const force = { kind: "FORCE_COMPLETE_STEP", step: 0, output: {}, actorId: "ada" } as const;
  const { head } = decide(run, [{ kind: "START_RUN", actorId: null }, force], clock.now());
  // Walked back anew for each step it takes more than a minute.
  expect(head.status).toBe("SUCCEEDED");
});

test("a template that names a long output many times is given up before it is made", () => {
  const context = { inputs: {}, stepOutputs: { a: { big: "x".repeat(1_000_000) } } };
  const expression = "$" + "{{ steps.a.outputs.big }}";
  expect(resolveWithin(expression, context, 1_000_000)).toHaveLength(1_000_000);
  expect(resolveWithin(expression.repeat(1_000), context, 1_000_000)).toBeNull();
});
