import type { RunDraft } from "./run-draft.ts";
import { isTerminal, type StatusReason, type StepRunStatus } from "./statuses.ts";

/**
 * What the move of a test step does to its tests, whichever they are.
 * - CLOSE: the step has ended; what is open of them never will.
 * - RELEASE: nobody executes them any more, so what was running is queued again.
 * - RERUN: the same, and those that failed are executed again.
 * - START_OVER: the step finds and executes all of them anew.
 */
export interface TestsChange {
  readonly step: number;
  readonly change: "CLOSE" | "RELEASE" | "RERUN" | "START_OVER";
  /** The step's fence then: a lease with a higher one does what is asked now. */
  readonly fence: number;
  /** Why, for the tests that are closed. */
  readonly reason: StatusReason;
}

/** Called with every move of a step, once it is made. */
export function noteTests(draft: RunDraft, index: number, before: StepRunStatus): void {
  if (draft.node(index).type !== "TEST") return;
  const { status } = draft.step(index);
  if (isTerminal(status)) {
    if (!isTerminal(before)) draft.tests.set(index, "CLOSE");
    return;
  }
  const executed = before === "RUNNING" || before === "CANCELING";
  const waits = status === "QUEUED" || status === "WAITING" || status === "PENDING";
  if (executed && waits && !draft.tests.has(index)) draft.tests.set(index, "RELEASE");
}

export function testsChanges(draft: RunDraft): TestsChange[] {
  return [...draft.tests].map(([step, change]) => {
    const { fence, reason } = draft.step(step);
    return { step, change, fence, reason: reason ?? draft.reason("REQUESTED", "its step has ended") };
  });
}
