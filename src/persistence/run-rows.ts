import {
  isActive,
  type RunEnding,
  type RunHead,
  type RunPause,
  type RunState,
  type StageState,
  type StepState,
} from "../domain/run-state.ts";
import { isTerminal, type StatusReason } from "../domain/statuses.ts";
import type { StoredReason } from "./queries/stored-reason.ts";

/** How the states of the domain look as rows, in both directions. Times travel as milliseconds since 1970. */

function reasonFrom(stored: StoredReason | null): StatusReason | null {
  return stored === null ? null : { ...stored, at: new Date(stored.at) };
}

function endingFrom(stored: (Omit<RunEnding, "reason"> & { reason: StoredReason }) | null): RunEnding | null {
  return stored === null ? null : { ...stored, reason: reasonFrom(stored.reason)! };
}

function pauseFrom(stored: (Omit<RunPause, "reason"> & { reason: StoredReason }) | null): RunPause | null {
  return stored === null ? null : { ...stored, reason: reasonFrom(stored.reason)! };
}

/** A run's own row as lock_runs packs it. */
export interface PackedRun extends Pick<RunState, "id" | "status" | "progress"> {
  readonly projectId: string;
  readonly versionId: string;
  readonly lastSeq: number;
  readonly revision: number;
  readonly deleted: boolean;
  readonly maxParallelSteps: number | null;
  readonly stepRetries: number | null;
  readonly timeoutMs: number;
  readonly parentRunId: string | null;
  readonly parentStep: number | null;
  readonly parentAttempt: number | null;
  readonly reason: StoredReason | null;
  readonly ending: Parameters<typeof endingFrom>[0];
  readonly pause: Parameters<typeof pauseFrom>[0];
  readonly sealing: boolean;
  readonly finalizedAt: number | null;
  readonly expiresAt: number;
  readonly queuedAt: number | null;
  readonly startedAt: number | null;
  readonly finishedAt: number | null;
}

export function headFrom(packed: PackedRun): RunHead {
  return {
    status: packed.status,
    reason: reasonFrom(packed.reason),
    ending: endingFrom(packed.ending),
    pause: pauseFrom(packed.pause),
    sealing: packed.sealing,
    finalizedAt: dateFrom(packed.finalizedAt),
    expiresAt: new Date(packed.expiresAt),
    queuedAt: dateFrom(packed.queuedAt),
    startedAt: dateFrom(packed.startedAt),
    finishedAt: dateFrom(packed.finishedAt),
    progress: packed.progress,
  };
}

/** One step as lock_runs packs it. */
export type PackedStep = [
  index: number,
  status: StepState["status"],
  reason: StoredReason | null,
  pending: number,
  fence: number,
  attempt: number,
  lost: number,
  session: string | null,
  startedAt: number | null,
  finishedAt: number | null,
  dueAt: number | null,
  exitCode: number | null,
  cancelProof: StepState["cancelProof"],
  ready: boolean,
  onDeath: StepState["onDeath"],
  freeStarts: number,
  progress: number,
];

/** The runner session that holds the step. */
export function sessionOf(packed: PackedStep): string | null {
  return packed[7];
}

export function stepFrom(packed: PackedStep): StepState {
  const [index, status, reason, pending, fence, attempt, lost, session] = packed;
  const [, , , , , , , , startedAt, finishedAt, dueAt, exitCode, cancelProof] = packed;
  const [, , , , , , , , , , , , , ready, onDeath, freeStarts, progress] = packed;
  return {
    index,
    status,
    reason: reasonFrom(reason),
    pending,
    fence,
    attempt,
    lost,
    freeStarts,
    leased: session !== null,
    ready,
    onDeath,
    startedAt: dateFrom(startedAt),
    finishedAt: dateFrom(finishedAt),
    dueAt: dateFrom(dueAt),
    exitCode,
    cancelProof,
    progress,
  };
}

export type PackedStage = [
  index: number,
  status: StageState["status"],
  reason: StoredReason | null,
  startedAt: number | null,
  finishedAt: number | null,
];

export function stageFrom([index, status, reason, startedAt, finishedAt]: PackedStage): StageState {
  return {
    index,
    status,
    reason: reasonFrom(reason),
    startedAt: dateFrom(startedAt),
    finishedAt: dateFrom(finishedAt),
  };
}

export function stepRow(runId: string, step: StepState) {
  return {
    run_id: runId,
    idx: step.index,
    status: step.status,
    status_reason: step.reason,
    pending: step.pending,
    fence: step.fence,
    attempt: step.attempt,
    lost: step.lost,
    free_starts: step.freeStarts,
    leased: step.leased,
    ready: step.ready,
    on_death: step.onDeath,
    started_at: step.startedAt,
    finished_at: step.finishedAt,
    due_at: step.dueAt,
    exit_code: step.exitCode,
    cancel_proof: step.cancelProof,
    progress: step.progress,
  };
}

export function stageRow(runId: string, stage: StageState, counts: Counts) {
  return {
    run_id: runId,
    idx: stage.index,
    status: stage.status,
    status_reason: stage.reason,
    open_steps: counts.open,
    active_steps: counts.active,
    started_at: stage.startedAt,
    finished_at: stage.finishedAt,
  };
}

/** The counters that let the fast path of reports see that nothing has to be decided. */
export interface Counts {
  open: number;
  active: number;
}

export function countSteps({ graph, steps }: RunState): { run: Counts; stages: Counts[] } {
  const run: Counts = { open: 0, active: 0 };
  const stages = graph.stages.map((): Counts => ({ open: 0, active: 0 }));
  for (const step of steps) {
    const stage = stages[graph.steps[step.index]!.stage]!;
    const open = isTerminal(step.status) ? 0 : 1;
    const active = isActive(step.status) ? 1 : 0;
    run.open += open;
    run.active += active;
    stage.open += open;
    stage.active += active;
  }
  return { run, stages };
}

/** The run after a delta: what the counters are taken from. */
export function withDelta(
  run: RunState,
  delta: { readonly steps: readonly StepState[]; readonly stages: readonly StageState[] },
): RunState {
  const steps = [...run.steps];
  for (const step of delta.steps) steps[step.index] = step;
  const stages = [...run.stages];
  for (const stage of delta.stages) stages[stage.index] = stage;
  return { ...run, steps, stages };
}

function dateFrom(milliseconds: number | null): Date | null {
  return milliseconds === null ? null : new Date(milliseconds);
}
