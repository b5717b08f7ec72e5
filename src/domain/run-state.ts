import type { Ending, FoldStep } from "./fold.ts";
import type { StepNode, WorkflowGraph } from "./graph.ts";
import type { StageRunStatus, StatusReason, StepRunStatus, WorkflowRunStatus } from "./statuses.ts";

/** How hard a cancel is: SIGTERM, grace, SIGKILL - or SIGKILL at once. */
export const CANCEL_MODES = ["GRACEFUL", "FORCE"] as const;
export type CancelMode = (typeof CANCEL_MODES)[number];

/** How we know that a canceled step is dead: its runner said so, or its runner's lease ran out. */
export const CANCEL_PROOFS = ["CONFIRMED", "LEASE_EXPIRED"] as const;
export type CancelProof = (typeof CANCEL_PROOFS)[number];

/** What a step run is, apart from what its workflow says about it. */
export interface StepState {
  readonly index: number;
  readonly status: StepRunStatus;
  readonly reason: StatusReason | null;
  /** How many of its needs are still open, and one more while the barrier of the earlier stages is. */
  readonly pending: number;
  /** Grows with every lease; a report that carries another fence is refused. */
  readonly fence: number;
  /** 1-based number of the newest start; 0 before the first. */
  readonly attempt: number;
  /** Starts that ended with a lost lease. */
  readonly lost: number;
  /** A runner holds it. */
  readonly leased: boolean;
  /** When the newest attempt, or the wait of a step without a runner, began; null after a requeue. */
  readonly startedAt: Date | null;
  readonly finishedAt: Date | null;
  /** When the delay or the backoff is over. */
  readonly dueAt: Date | null;
  readonly exitCode: number | null;
  readonly cancelProof: CancelProof | null;
}

export interface StageState {
  readonly index: number;
  readonly status: StageRunStatus;
  readonly reason: StatusReason | null;
  readonly startedAt: Date | null;
  readonly finishedAt: Date | null;
}

export interface RunEnding {
  readonly kind: Ending;
  readonly mode: CancelMode;
  readonly reason: StatusReason;
}

/** The part of a run that its commands decide on, without its steps. */
export interface RunHead {
  readonly status: WorkflowRunStatus;
  readonly reason: StatusReason | null;
  readonly ending: RunEnding | null;
  /** When the start was accepted; null = it waits for `startWorkflowRun`. */
  readonly queuedAt: Date | null;
  readonly startedAt: Date | null;
  readonly finishedAt: Date | null;
  /** 0..100. */
  readonly progress: number;
}

export interface RunState extends RunHead {
  readonly id: string;
  readonly graph: WorkflowGraph;
  readonly steps: readonly StepState[];
  readonly stages: readonly StageState[];
}

/** The end of one attempt; it becomes an immutable row. */
export interface AttemptEnd {
  readonly step: number;
  readonly number: number;
  readonly fence: number;
  readonly status: "SUCCEEDED" | "FAILED" | "TIMED_OUT" | "CANCELED";
  readonly reason: StatusReason | null;
  readonly startedAt: Date;
  readonly finishedAt: Date;
  readonly exitCode: number | null;
  readonly output: Readonly<Record<string, unknown>> | null;
  readonly error: string | null;
  /** Bytes of log that the runner will have sent in the end, and their CRC-32; null when it never said. */
  readonly log: { readonly length: number; readonly crc32: string } | null;
}

/** A run before anything happened to it. */
export function newRunState(id: string, graph: WorkflowGraph): RunState {
  return {
    id,
    graph,
    status: "PENDING",
    reason: null,
    ending: null,
    queuedAt: null,
    startedAt: null,
    finishedAt: null,
    progress: 0,
    stages: graph.stages.map((_, index) => ({
      index,
      status: "PENDING",
      reason: null,
      startedAt: null,
      finishedAt: null,
    })),
    steps: graph.steps.map(newStepState),
  };
}

function newStepState(node: StepNode): StepState {
  return {
    index: node.index,
    status: "PENDING",
    reason: null,
    pending: node.needs.length + (node.behindBarrier ? 1 : 0),
    fence: 0,
    attempt: 0,
    lost: 0,
    leased: false,
    startedAt: null,
    finishedAt: null,
    dueAt: null,
    exitCode: null,
    cancelProof: null,
  };
}

export function foldView(step: StepState, node: StepNode): FoldStep {
  return {
    status: step.status,
    reasonCode: step.reason?.code ?? null,
    continueOnError: node.continueOnError,
    started: step.attempt > 0 || step.startedAt !== null,
  };
}

/** A queued or executing step: as long as one is left, nothing has to be decided for its run or stage. */
export function isActive(status: StepRunStatus): boolean {
  return status === "QUEUED" || status === "RUNNING" || status === "CANCELING";
}
