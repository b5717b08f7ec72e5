import type { ApprovalStatus } from "./approvals.ts";
import type { Ending, FoldStep } from "./fold.ts";
import type { StepNode, WorkflowGraph } from "./graph.ts";
import type { StageRunStatus, StatusReason, StepRunStatus, WorkflowRunStatus } from "./statuses.ts";

/** How hard a cancel is: SIGTERM, grace, SIGKILL - or SIGKILL at once. */
export const CANCEL_MODES = ["GRACEFUL", "FORCE"] as const;
export type CancelMode = (typeof CANCEL_MODES)[number];

/** How we know that a canceled step is dead: its runner said so, or its runner's lease ran out. */
export const CANCEL_PROOFS = ["CONFIRMED", "LEASE_EXPIRED"] as const;
export type CancelProof = (typeof CANCEL_PROOFS)[number];

/** What becomes of a step that is being stopped, once it is confirmed dead. */
export const ON_DEATH = ["CANCEL", "REQUEUE", "RESET", "SKIP", "SUCCEED"] as const;
export type OnDeath = (typeof ON_DEATH)[number];

/** What a pause does to running steps: let them finish, or stop them and queue them again. */
export const PAUSE_MODES = ["DRAIN", "INTERRUPT"] as const;
export type PauseMode = (typeof PAUSE_MODES)[number];

/** What a step run is, apart from what its workflow says about it. */
export interface StepState {
  readonly index: number;
  readonly status: StepRunStatus;
  readonly reason: StatusReason | null;
  /**
   * How many of its needs are still open, and one more while the barrier of the earlier stages is, and one more
   * while something after it, which is to be done again, is not dead yet.
   */
  readonly pending: number;
  /** Grows with every lease; a report that carries another fence is refused. */
  readonly fence: number;
  /** 1-based number of the newest start; 0 before the first. */
  readonly attempt: number;
  /** Starts that ended with a lost lease. */
  readonly lost: number;
  /** Starts that cost no try: lost leases, interruptions, and all before it was retried by hand. */
  readonly freeStarts: number;
  /** A runner holds it. */
  readonly leased: boolean;
  /** It is QUEUED and may be claimed: the run is not paused and a slot is free. */
  readonly ready: boolean;
  /** It is CANCELING, and this is what becomes of it then. */
  readonly onDeath: OnDeath | null;
  /** When the newest attempt, or the wait of a step without a runner, began; null after a requeue. */
  readonly startedAt: Date | null;
  readonly finishedAt: Date | null;
  /** When the delay or the backoff is over. */
  readonly dueAt: Date | null;
  readonly exitCode: number | null;
  readonly cancelProof: CancelProof | null;
  /** 0..100, as its newest attempt told. */
  readonly progress: number;
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

export interface RunPause {
  readonly mode: PauseMode;
  readonly reason: StatusReason;
}

/** The part of a run that its commands decide on, without its steps. */
export interface RunHead {
  readonly status: WorkflowRunStatus;
  readonly reason: StatusReason | null;
  readonly ending: RunEnding | null;
  readonly pause: RunPause | null;
  /** When the start was accepted; null = it waits for `startWorkflowRun`. */
  readonly queuedAt: Date | null;
  readonly startedAt: Date | null;
  readonly finishedAt: Date | null;
  /** 0..100. */
  readonly progress: number;
  /** When it was sealed: from then on it never changes. */
  readonly finalizedAt: Date | null;
  /** It is finalized as soon as it has ended. */
  readonly sealing: boolean;
  readonly expiresAt: Date;
}

/** What was settled when a run was made or started. */
export interface RunSettings {
  /** A reopened run gets this long again. */
  readonly timeoutMs: number;
  /** How many steps may execute at once; null = no limit. */
  readonly maxParallelSteps: number | null;
  /** How often a failed step is tried again, whatever its workflow says; null = as its workflow says. */
  readonly stepRetries: number | null;
}

export interface RunState extends RunHead {
  readonly id: string;
  readonly settings: RunSettings;
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
  /** Its runner told so; else it was given up for lost, or nobody executed it. */
  readonly reported: boolean;
  /** Bytes of log that the runner will have sent in the end, and their CRC-32; null when it never said. */
  readonly log: { readonly length: number; readonly crc32: string } | null;
}

/** A result that no attempt of the step gave; null takes one away that a reset made worthless. */
export interface StepResultChange {
  readonly step: number;
  readonly result: StepResult | null;
}

export interface StepResult {
  readonly output: Readonly<Record<string, unknown>> | null;
  readonly completion: StepCompletionBody | null;
  readonly reusedFrom: { readonly runId: string; readonly step: number } | null;
}

/** How an external system completed a step: kept, so that the same message again is recognized. */
export interface StepCompletionBody {
  readonly success: boolean;
  readonly message: string | null;
  readonly releaseId: string | null;
}

/** A request for approval that was made or closed. */
export interface ApprovalChange {
  readonly step: number;
  readonly attempt: number;
  readonly status: ApprovalStatus;
  readonly dueAt: Date | null;
}

/** A run before anything happened to it. */
export function newRunState(id: string, graph: WorkflowGraph, settings: RunSettings, now: Date): RunState {
  return {
    id,
    graph,
    settings,
    status: "PENDING",
    reason: null,
    ending: null,
    pause: null,
    queuedAt: null,
    startedAt: null,
    finishedAt: null,
    progress: 0,
    finalizedAt: null,
    sealing: false,
    expiresAt: new Date(now.getTime() + settings.timeoutMs),
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
    freeStarts: 0,
    leased: false,
    ready: false,
    onDeath: null,
    startedAt: null,
    finishedAt: null,
    dueAt: null,
    exitCode: null,
    cancelProof: null,
    progress: 0,
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
