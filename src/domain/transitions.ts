import type { StepRunStatus } from "./statuses.ts";

/**
 * The state machine of a step as a table: trigger x status -> next status. A missing entry means that the
 * trigger is not legal there. Every change of a step's status goes through `nextStepStatus`.
 */

export const STEP_TRIGGERS = [
  "READY",
  "HOLD",
  "START",
  "SUCCEED",
  "FAIL",
  "TIME_OUT",
  "RETRY_LATER",
  "REQUEUE",
  "WAKE",
  "SKIP",
  "CANCEL",
  "CANCEL_LEASED",
  "CONFIRM_DEAD",
] as const;
export type StepTrigger = (typeof STEP_TRIGGERS)[number];

type Row = Partial<Record<StepRunStatus, StepRunStatus>>;

export const STEP_TRANSITIONS: Readonly<Record<StepTrigger, Row>> = {
  /** Needs are met and a runner may take it. */
  READY: { PENDING: "QUEUED" },
  /** Needs are met and it waits for something other than a runner. */
  HOLD: { PENDING: "WAITING" },
  /** The runner reported the start of its process. */
  START: { QUEUED: "RUNNING" },
  SUCCEED: { RUNNING: "SUCCEEDED", WAITING: "SUCCEEDED" },
  FAIL: { RUNNING: "FAILED" },
  TIME_OUT: { RUNNING: "TIMED_OUT" },
  /** A failed try with tries left: the backoff runs. */
  RETRY_LATER: { RUNNING: "WAITING" },
  /** Back to the queue at once: a failed try without backoff, a lost lease, a runner that shut down. */
  REQUEUE: { RUNNING: "QUEUED" },
  /** The backoff is over. */
  WAKE: { WAITING: "QUEUED" },
  SKIP: { PENDING: "SKIPPED" },
  /** Nothing runs for it, so it ends at once. */
  CANCEL: { PENDING: "CANCELED", QUEUED: "CANCELED", WAITING: "CANCELED" },
  /** A runner holds it, so its death must be confirmed first. */
  CANCEL_LEASED: { QUEUED: "CANCELING", RUNNING: "CANCELING" },
  CONFIRM_DEAD: { CANCELING: "CANCELED" },
};

export function nextStepStatus(status: StepRunStatus, trigger: StepTrigger): StepRunStatus | null {
  return STEP_TRANSITIONS[trigger][status] ?? null;
}
