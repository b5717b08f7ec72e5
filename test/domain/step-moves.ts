import type { StepRunStatus } from "../../src/domain/statuses.ts";
import type { StepTrigger } from "../../src/domain/transitions.ts";

/** Every legal move of a step, row by row: from, because of, to. What is not listed must not happen. */
export const LEGAL_STEP_MOVES: readonly (readonly [StepRunStatus, StepTrigger, StepRunStatus])[] = [
  ["PENDING", "READY", "QUEUED"],
  ["PENDING", "HOLD", "WAITING"],
  ["PENDING", "SKIP", "SKIPPED"],
  ["PENDING", "CANCEL", "CANCELED"],
  ["QUEUED", "START", "RUNNING"],
  ["QUEUED", "CANCEL", "CANCELED"],
  ["QUEUED", "CANCEL_LEASED", "CANCELING"],
  ["WAITING", "SUCCEED", "SUCCEEDED"],
  ["WAITING", "WAKE", "QUEUED"],
  ["WAITING", "CANCEL", "CANCELED"],
  ["RUNNING", "SUCCEED", "SUCCEEDED"],
  ["RUNNING", "FAIL", "FAILED"],
  ["RUNNING", "TIME_OUT", "TIMED_OUT"],
  ["RUNNING", "RETRY_LATER", "WAITING"],
  ["RUNNING", "REQUEUE", "QUEUED"],
  ["RUNNING", "CANCEL_LEASED", "CANCELING"],
  ["CANCELING", "CONFIRM_DEAD", "CANCELED"],
];
