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
  "COMPLETE",
  "RESET",
  "REUSE",
  "GATE_PASS",
  "GATE_FAIL",
] as const;
export type StepTrigger = (typeof STEP_TRIGGERS)[number];

type Row = Partial<Record<StepRunStatus, StepRunStatus>>;

export const STEP_TRANSITIONS: Readonly<Record<StepTrigger, Row>> = {
  /** Needs are met and a runner may take it. */
  READY: { PENDING: "QUEUED" },
  /** Needs are met and it waits for something other than a runner; queued before, if its run was paused. */
  HOLD: { PENDING: "WAITING", QUEUED: "WAITING" },
  /** The runner reported the start of its process. */
  START: { QUEUED: "RUNNING" },
  /** It did what it is for. A step that a pause interrupts may come to its end first: then that counts. */
  SUCCEED: { RUNNING: "SUCCEEDED", WAITING: "SUCCEEDED", CANCELING: "SUCCEEDED" },
  FAIL: { RUNNING: "FAILED", WAITING: "FAILED" },
  TIME_OUT: { RUNNING: "TIMED_OUT", WAITING: "TIMED_OUT" },
  /** A failed try with tries left: the backoff runs. */
  RETRY_LATER: { RUNNING: "WAITING" },
  /** Back to the queue at once: a failed try without backoff, a lost lease, an interruption by a pause. */
  REQUEUE: { RUNNING: "QUEUED", CANCELING: "QUEUED" },
  /** The backoff is over. */
  WAKE: { WAITING: "QUEUED" },
  /** Its needs decided against it, or somebody did. */
  SKIP: {
    PENDING: "SKIPPED",
    QUEUED: "SKIPPED",
    WAITING: "SKIPPED",
    CANCELING: "SKIPPED",
    FAILED: "SKIPPED",
    TIMED_OUT: "SKIPPED",
    CANCELED: "SKIPPED",
    SKIPPED: "SKIPPED",
  },
  /** Nothing runs for it, so it ends at once. */
  CANCEL: { PENDING: "CANCELED", QUEUED: "CANCELED", WAITING: "CANCELED" },
  /** A runner or a child run is at work for it, so its death must be confirmed first. */
  CANCEL_LEASED: { QUEUED: "CANCELING", RUNNING: "CANCELING", WAITING: "CANCELING" },
  CONFIRM_DEAD: { CANCELING: "CANCELED" },
  /** Somebody gave it its result by hand. */
  COMPLETE: {
    PENDING: "SUCCEEDED",
    QUEUED: "SUCCEEDED",
    WAITING: "SUCCEEDED",
    CANCELING: "SUCCEEDED",
    FAILED: "SUCCEEDED",
    TIMED_OUT: "SUCCEEDED",
    CANCELED: "SUCCEEDED",
    SKIPPED: "SUCCEEDED",
  },
  /** It is to be done again, or to be judged again by its needs. */
  RESET: {
    QUEUED: "PENDING",
    WAITING: "PENDING",
    CANCELING: "PENDING",
    SUCCEEDED: "PENDING",
    FAILED: "PENDING",
    TIMED_OUT: "PENDING",
    CANCELED: "PENDING",
    SKIPPED: "PENDING",
  },
  /** The run it retries has done it already. */
  REUSE: { PENDING: "SUCCEEDED" },
  /** A review of its tests decided otherwise than they had. */
  GATE_PASS: { FAILED: "SUCCEEDED" },
  GATE_FAIL: { SUCCEEDED: "FAILED" },
};

export function nextStepStatus(status: StepRunStatus, trigger: StepTrigger): StepRunStatus | null {
  return STEP_TRANSITIONS[trigger][status] ?? null;
}
