import { endWait } from "./hold-step.ts";
import type { RunDraft } from "./run-draft.ts";
import type { CancelMode, OnDeath, StepState } from "./run-state.ts";
import { isTerminal, type StatusReason } from "./statuses.ts";

/** What is to become of a step, and why. */
export interface Stop {
  readonly onDeath: OnDeath;
  readonly reason: StatusReason;
  readonly actorId: string | null;
  /** How a child run is ended; runners are told how by their run. */
  readonly mode?: CancelMode;
}

/**
 * Takes a step out of whatever it is doing. What nobody executes lands at once; what a runner or a child run is at
 * work for becomes CANCELING, and lands when its death is confirmed. A step that is being stopped already gets
 * the new end.
 */
export function stopStep(draft: RunDraft, index: number, stop: Stop): void {
  const { status, leased, onDeath: before } = draft.step(index);
  const { reason, onDeath, actorId } = stop;
  if (status === "CANCELING") {
    // The result that it was to be given by hand.
    if (before === "SUCCEED" && onDeath !== "SUCCEED") draft.setResult(index, null);
    draft.patchStep(index, { reason, onDeath });
    return;
  }
  const hasChild = status === "WAITING" && draft.node(index).waitsFor === "CHILD_RUN";
  if (!leased && !hasChild) {
    landStep(draft, index, stop, {});
    return;
  }
  draft.moveStep(index, "CANCEL_LEASED", { reason, onDeath, pending: 0, dueAt: null }, actorId);
  if (hasChild) cancelChild(draft, index, stop.mode ?? "GRACEFUL", reason.message);
}

export function cancelChild(draft: RunDraft, index: number, mode: CancelMode, message: string): void {
  const { attempt } = draft.step(index);
  draft.signals.push({ kind: "CANCEL_CHILD", step: index, attempt, mode, message });
}

/** The step is dead, or never lived: it becomes what it was stopped for. */
export function landStep(
  draft: RunDraft,
  index: number,
  { onDeath, reason, actorId }: Stop,
  patch: Partial<StepState>,
): void {
  const { status, attempt, freeStarts, startedAt } = draft.step(index);
  if (!isTerminal(status)) {
    endWait(draft, index, { status: "CANCELED", reason, output: null, approval: "CANCELED" });
  }
  switch (onDeath) {
    case "CANCEL":
      draft.moveStep(
        index,
        status === "CANCELING" ? "CONFIRM_DEAD" : "CANCEL",
        { ...patch, reason },
        actorId,
      );
      return;
    case "SKIP":
      draft.moveStep(index, "SKIP", { ...patch, reason }, actorId);
      return;
    case "SUCCEED":
      draft.moveStep(index, "COMPLETE", { ...patch, reason }, actorId);
      return;
    case "REQUEUE":
      draft.moveStep(
        index,
        "REQUEUE",
        // What was interrupted cost no try - if it had been started at all.
        { reason, leased: false, startedAt: null, freeStarts: freeStarts + (startedAt === null ? 0 : 1) },
        actorId,
      );
      return;
    case "RESET":
      // Tries made before do not count against what it is asked to do now.
      draft.moveStep(index, "RESET", { ...FRESH, freeStarts: attempt }, actorId);
      draft.setResult(index, null);
      draft.stepsReset = true;
      if (draft.node(index).type === "TEST") draft.tests.set(index, "START_OVER");
  }
}

const FRESH: Partial<StepState> = {
  leased: false,
  lost: 0,
  startedAt: null,
  dueAt: null,
  exitCode: null,
  cancelProof: null,
};
