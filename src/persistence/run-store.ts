import type { RunDelta } from "../domain/decide.ts";
import type { RunState } from "../domain/run-state.ts";
import type { ParentStep } from "../domain/signals.ts";
import { taskKey } from "../domain/task-key.ts";
import type { Transaction } from "./database.ts";
import { attemptRows, eventRows, headRow } from "./delta-rows.ts";
import type { Statement } from "./queries/queryable.ts";
import { storeConsequences } from "./run-consequences.ts";
import {
  countSteps,
  headFrom,
  type PackedRun,
  type PackedStage,
  type PackedStep,
  sessionOf,
  stageFrom,
  stageRow,
  stepFrom,
  stepRow,
  withDelta,
} from "./run-rows.ts";
import type { HeldStep } from "./runner-store.ts";
import { storeTestsChanges } from "./test-changes.ts";
import type { WorkflowVersions } from "./workflow-versions.ts";

/** A run whose row lock this transaction holds: nothing about it changes under our hands. */
export interface LockedRun {
  readonly state: RunState;
  readonly projectId: string;
  readonly versionId: string;
  readonly lastSeq: number;
  readonly revision: number;
  /** Nobody is to see it any more; what it still executes is being stopped. */
  readonly deleted: boolean;
  readonly parent: ParentStep | null;
  /** By step: the runner session that holds it. */
  readonly sessions: readonly (string | null)[];
}

/** What others want to know once the transaction is committed. */
export interface RunChange {
  readonly runId: string;
  readonly lastSeq: number;
}

export interface AppliedDeltas {
  readonly changes: readonly RunChange[];
  /** Sessions that hold a step which is to be killed. */
  readonly cancelingSessions: readonly string[];
  /** Some step became claimable. */
  readonly workReady: boolean;
  /** Runs have something to tell each other. */
  readonly signaled: boolean;
}

const LOCK: Statement = { name: "lock-runs", text: "select * from lock_runs($1)" };
const LOCK_READY: Statement = {
  name: "lock-ready-steps",
  text: `select run_id as "runId", step_idx as step, fence from lock_ready_steps($1, $2)`,
};
const APPLY: Statement = { name: "apply-deltas", text: "select * from apply_deltas($1, $2, $3, $4, $5, $6)" };

interface RunRow {
  readonly run: PackedRun;
  /** Null when there are none. */
  readonly steps: readonly PackedStep[] | null;
  readonly stages: readonly PackedStage[] | null;
}

/**
 * Locks runs in ascending order of their ids and loads them whole. Runs that do not exist are left out, and so are
 * those that are being purged, of which a part is gone already.
 */
export async function lockRuns(
  transaction: Transaction,
  ids: readonly string[],
  versions: WorkflowVersions,
): Promise<Map<string, LockedRun>> {
  const locked = new Map<string, LockedRun>();
  for (const { run, steps, stages } of await transaction.query<RunRow>(LOCK, [ids])) {
    const { graph } = await versions.get(transaction, run.versionId);
    if (steps?.length !== graph.steps.length || stages?.length !== graph.stages.length) continue;
    const { maxParallelSteps, stepRetries, timeoutMs } = run;
    const state = {
      ...headFrom(run),
      id: run.id,
      graph,
      settings: { maxParallelSteps, stepRetries, timeoutMs },
      steps: steps.map(stepFrom),
      stages: stages.map(stageFrom),
    };
    const { projectId, versionId, lastSeq, revision, deleted } = run;
    const parent = parentStep({ runId: run.parentRunId, step: run.parentStep, attempt: run.parentAttempt });
    const sessions = steps.map(sessionOf);
    locked.set(run.id, { state, projectId, versionId, lastSeq, revision, deleted, parent, sessions });
  }
  return locked;
}

/** Whoever waits for a run's end: nobody, unless a step made it. */
export function parentStep(
  parent: { readonly [Key in keyof ParentStep]: ParentStep[Key] | null } | null,
): ParentStep | null {
  const { runId, step, attempt } = parent ?? { runId: null, step: null, attempt: null };
  return runId === null || step === null || attempt === null ? null : { runId, step, attempt };
}

/**
 * Locks the ready steps that these updates change: a claim takes no run lock, so it may have leased some of them
 * since they were loaded.
 * @returns false when it has; no claim can lease any of them now, and the runs must be loaded and decided anew
 */
export async function lockReadySteps(
  transaction: Transaction,
  updates: readonly RunUpdate[],
): Promise<boolean> {
  const ready = updates.flatMap(({ run: { state }, delta }) =>
    delta.steps.flatMap(({ index }) => {
      const { ready, fence } = state.steps[index]!;
      return ready ? [{ runId: state.id, step: index, fence }] : [];
    }),
  );
  if (ready.length === 0) return true;
  const runs = ready.map(({ runId }) => runId);
  const rows = await transaction.query<HeldStep>(LOCK_READY, [runs, ready.map(({ step }) => step)]);
  const unchanged = new Set(ready.map(taskKey));
  return rows.every((row) => unchanged.has(taskKey(row)));
}

export interface RunUpdate {
  readonly run: LockedRun;
  readonly delta: RunDelta;
  /** A person's command raises the run's revision; progress does not. */
  readonly revised: boolean;
}

/** Stores what was decided for locked runs: rows, attempts and events together. */
export async function applyDeltas(
  transaction: Transaction,
  updates: readonly RunUpdate[],
  now: Date,
): Promise<AppliedDeltas> {
  // Before the steps: what becomes of their tests is told first.
  const told = await storeTestsChanges(transaction, updates, now);
  const rows = updates.map(({ run, delta, revised }) => {
    const events = [...(told.get(run.state.id) ?? []), ...delta.events];
    return updateRows(run, { ...delta, events }, revised);
  });
  const steps = await transaction.query<{
    session_id: string | null;
    status: string;
    ready_pool: number | null;
  }>(APPLY, [
    JSON.stringify(rows.flatMap((row) => row.attempts)),
    JSON.stringify(rows.flatMap((row) => row.steps)),
    JSON.stringify(rows.flatMap((row) => row.stages)),
    JSON.stringify(rows.map((row) => row.run)),
    JSON.stringify(rows.flatMap((row) => row.events)),
    now,
  ]);
  const signaled = await storeConsequences(transaction, updates, now);
  const canceling = steps.filter(({ status, session_id }) => status === "CANCELING" && session_id !== null);
  return {
    changes: rows.map(({ run }) => ({ runId: run.id, lastSeq: run.last_seq })),
    cancelingSessions: [
      ...new Set([...canceling.map(({ session_id }) => session_id!), ...updates.flatMap(toldAgain)]),
    ],
    workReady: steps.some(({ ready_pool }) => ready_pool !== null),
    signaled,
  };
}

/** Sessions whose cancel became a harder one: of their steps nothing changed. */
function toldAgain({ run: { state, sessions }, delta }: RunUpdate): string[] {
  if (state.ending === null || state.ending.mode === delta.head.ending?.mode) return [];
  return state.steps.flatMap(({ status }, i) => {
    const session = sessions[i] ?? null;
    return status === "CANCELING" && session !== null ? [session] : [];
  });
}

function updateRows(run: LockedRun, delta: RunDelta, revised: boolean) {
  const { id } = run.state;
  const after = withDelta(run.state, delta);
  const counts = countSteps(after);
  const touched = new Set([
    ...delta.stages.map(({ index }) => index),
    ...delta.steps.map(({ index }) => after.graph.steps[index]!.stage),
  ]);
  return {
    steps: delta.steps.map((step) => stepRow(id, step)),
    stages: [...touched].map((index) => stageRow(id, after.stages[index]!, counts.stages[index]!)),
    attempts: attemptRows(id, delta),
    events: eventRows(id, delta, run.lastSeq),
    run: { ...headRow(id, delta, counts.run), last_seq: run.lastSeq + delta.events.length, revised },
  };
}
