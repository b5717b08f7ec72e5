/**
 * Every state a run, a stage or a step can be in, and what callers derive from it.
 * The values are the wire names: PostgreSQL, events and GraphQL use the same words.
 */

export const WORKFLOW_RUN_STATUSES = [
  "PENDING",
  "QUEUED",
  "RUNNING",
  "WAITING",
  "PAUSED",
  "CANCELING",
  "SUCCEEDED",
  "FAILED",
  "TIMED_OUT",
  "CANCELED",
  "SKIPPED",
] as const;
export type WorkflowRunStatus = (typeof WORKFLOW_RUN_STATUSES)[number];

export const STAGE_RUN_STATUSES = [
  "PENDING",
  "RUNNING",
  "WAITING",
  "SUCCEEDED",
  "FAILED",
  "CANCELED",
  "SKIPPED",
] as const;
export type StageRunStatus = (typeof STAGE_RUN_STATUSES)[number];

export const STEP_RUN_STATUSES = [
  "PENDING",
  "QUEUED",
  "WAITING",
  "RUNNING",
  "CANCELING",
  "SUCCEEDED",
  "FAILED",
  "TIMED_OUT",
  "CANCELED",
  "SKIPPED",
] as const;
export type StepRunStatus = (typeof STEP_RUN_STATUSES)[number];

/** Why something is in its status. The code is for programs, the message for people. */
export const STATUS_REASON_CODES = [
  "REQUESTED",
  "CONDITION",
  "DEPENDENCY",
  "ABORTED",
  "RUN_CANCELED",
  "EXPIRED",
  "TIMEOUT",
  "EXIT_CODE",
  "LEASE_LOST",
  "REJECTED",
  "GATE",
  "ERROR",
] as const;
export type StatusReasonCode = (typeof STATUS_REASON_CODES)[number];

export interface StatusReason {
  readonly code: StatusReasonCode;
  readonly message: string;
  /** Account that caused it; null = the system itself. */
  readonly actorId: string | null;
  readonly at: Date;
}

export const WORKFLOW_RUN_PHASES = ["PENDING", "RUNNING", "COMPLETED", "FINALIZED"] as const;
export type WorkflowRunPhase = (typeof WORKFLOW_RUN_PHASES)[number];

export const RESULTS = ["PASSED", "FAILED", "ABORTED", "UNKNOWN"] as const;
export type Result = (typeof RESULTS)[number];

export const TERMINAL_STATUSES = ["SUCCEEDED", "FAILED", "TIMED_OUT", "CANCELED", "SKIPPED"] as const;
export type TerminalStatus = (typeof TERMINAL_STATUSES)[number];

const terminal: ReadonlySet<string> = new Set(TERMINAL_STATUSES);

export function isTerminal(
  status: WorkflowRunStatus | StageRunStatus | StepRunStatus,
): status is TerminalStatus {
  return terminal.has(status);
}

export function phaseOf(status: WorkflowRunStatus, finalizedAt: Date | null): WorkflowRunPhase {
  if (status === "PENDING" || status === "QUEUED") return "PENDING";
  if (finalizedAt !== null) return "FINALIZED";
  return isTerminal(status) ? "COMPLETED" : "RUNNING";
}

export function resultOf(status: WorkflowRunStatus | StageRunStatus | StepRunStatus): Result {
  if (status === "SUCCEEDED") return "PASSED";
  if (status === "FAILED" || status === "TIMED_OUT") return "FAILED";
  return status === "CANCELED" ? "ABORTED" : "UNKNOWN";
}
