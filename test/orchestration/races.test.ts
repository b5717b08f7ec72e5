import pg from "pg";
import { afterEach, beforeEach, expect, test } from "vitest";
import { cancelWorkflowRun } from "../../src/actions/cancel-workflow-run.ts";
import { applyReports } from "../../src/orchestration/report.ts";
import type { Engine } from "../../src/orchestration/transition.ts";
import type { ClaimedStep } from "../../src/persistence/runner-store.ts";
import { stage, step } from "../domain/workflow-builder.ts";
import { plainCommand } from "../support/commands.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { waitFor } from "../support/wait-for.ts";
import { contradictions } from "./consistency.ts";
import { reportOf } from "./reports.ts";
import { readRun } from "./run-record.ts";
import { ScriptedSession } from "./scripted-session.ts";
import { openWorkbench, type Workbench } from "./workbench.ts";

let bench: Workbench;
let clock: ManualClock;
let session: ScriptedSession;
let runId: string;

beforeEach(async () => {
  clock = new ManualClock();
  bench = await openWorkbench(clock);
  session = await ScriptedSession.open(bench);
  const names = ["a", "b", "c"].map((ref) => step(ref));
  runId = await bench.trigger(await bench.deploy([stage("only", ...names)]));
});
afterEach(async () => {
  expect(contradictions(await readRun(bench.engine, runId))).toEqual([]);
  await bench[Symbol.asyncDispose]();
});

/** Holds the row of one step, so that whoever writes all of them stops there, in the middle of its work. */
async function holdStep(index: number): Promise<{ release(): Promise<void> }> {
  const client = new pg.Client({ connectionString: bench.database.url });
  await client.connect();
  await client.query("begin");
  await client.query("select from step_run where run_id = $1 and idx = $2 for no key update", [runId, index]);
  return {
    async release() {
      await client.query("commit");
      await client.end();
    },
  };
}

async function untilBlocked(count = 1): Promise<void> {
  await waitFor("somebody to wait for the lock", async () => {
    const waiting = await bench.database.query(
      "select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'",
    );
    return waiting.length >= count;
  });
}

async function statuses(): Promise<string[]> {
  const rows = await bench.database.query<{ status: string }>(
    "select status from step_run where run_id = $1 order by idx",
    [runId],
  );
  return rows.map(({ status }) => status);
}

test("a step that is claimed while its run is canceled is canceled as a held one: its runner is told", async () => {
  const first = await holdStep(0);
  const canceled = cancelWorkflowRun(bench.engine, bench.person, {
    runId,
    mode: "FORCE",
    reason: null,
    command: plainCommand,
  });
  await untilBlocked();
  const claimed = await session.claim();
  expect(claimed.map(({ step: index }) => index)).toEqual([1, 2]);
  await first.release();
  await canceled;
  expect(await statuses()).toEqual(["CANCELED", "CANCELING", "CANCELING"]);
  const { cancels } = await session.heartbeat(claimed);
  expect(cancels.map((cancel) => cancel.step).sort()).toEqual([1, 2]);
  for (const task of claimed) expect(await session.report(task, { outcome: "ABORTED" })).toBe("APPLIED");
});

test("a claim never waits for a run that is being written", async () => {
  const second = await holdStep(1);
  const canceled = cancelWorkflowRun(bench.engine, bench.person, {
    runId,
    mode: "FORCE",
    reason: null,
    command: plainCommand,
  });
  await untilBlocked();
  expect((await session.claim()).map(({ step: index }) => index)).toEqual([2]);
  await second.release();
  await canceled;
});

test("a report counts, or its lease is released as unknown: never both", async () => {
  const claimed = await session.claim();
  // The run must be under way for its reports to take the fast path.
  await session.start(claimed[0]!);
  clock.advance(25_000);
  const tasks = claimed.slice(1);
  const first = await holdStep(tasks[0]!.step);
  const report = async (engine: Engine, task: ClaimedStep) =>
    await applyReports(engine, [
      reportOf({ ...task, session: session.id, accountId: bench.runner.accountId }, { kind: "STARTED" }),
    ]);
  const reported = applyReports(
    bench.engine,
    tasks.map((task) =>
      reportOf({ ...task, session: session.id, accountId: bench.runner.accountId }, { kind: "STARTED" }),
    ),
  );
  await untilBlocked();
  const heard = session.heartbeat([claimed[0]!]);
  await untilBlocked(2);
  await first.release();
  await heard;
  expect(await reported).toEqual(["APPLIED", "APPLIED"]);
  expect(await statuses()).toEqual(["RUNNING", "RUNNING", "RUNNING"]);
  expect(await report(bench.engine, tasks[1]!)).toEqual(["APPLIED"]);
});

test("two replicas that sweep, expire and report at once agree", async () => {
  const claimed = await session.claim();
  await session.start(claimed[0]!);
  const replica = await bench.replica();
  const say = (task: ClaimedStep) =>
    reportOf({ ...task, session: session.id, accountId: bench.runner.accountId });
  const answers = await Promise.all(
    [bench.engine, replica, bench.engine, replica].map(
      async (engine) => await applyReports(engine, claimed.map(say)),
    ),
  );
  expect(answers.flat()).toEqual(answers.flat().map(() => "APPLIED"));
  const { attempts } = await readRun(bench.engine, runId);
  expect(attempts.map(({ step_idx, number }) => [step_idx, number])).toEqual([
    [0, 1],
    [1, 1],
    [2, 1],
  ]);
});
