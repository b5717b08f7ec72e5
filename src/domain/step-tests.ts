import { isTerminal, type StatusReason, type StepRunStatus } from "./statuses.ts";

/**
 * What the move of a test step does to its tests, whichever they are.
 * - CLOSE: the step has ended; what is open of them never will.
 * - RELEASE: nobody executes them any more, so what was running is queued again.
 * - LEAVE_UNDONE: the same, and it is noted that the attempt had no result.
 * - RERUN: the same, and those that failed are executed again.
 * - START_OVER: the step finds and executes all of them anew.
 */
export interface TestsChange {
  readonly step: number;
  readonly change: "CLOSE" | "RELEASE" | "LEAVE_UNDONE" | "RERUN" | "START_OVER";
  /** Number of the step's attempt. */
  readonly attempt: number;
  /** The step's fence then: a lease with a higher one does what is asked now. */
  readonly fence: number;
  /** Why, for the tests that are closed. */
  readonly reason: StatusReason;
}

/** What becomes of the tests of a step that moves, if nothing more was asked for. */
export function testsAfterMove(before: StepRunStatus, after: StepRunStatus): "CLOSE" | "RELEASE" | null {
  if (isTerminal(after)) return isTerminal(before) ? null : "CLOSE";
  const executed = before === "RUNNING" || before === "CANCELING";
  const waits = after === "QUEUED" || after === "WAITING" || after === "PENDING";
  return executed && waits ? "RELEASE" : null;
}
