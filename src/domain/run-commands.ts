import type { ReusedStep, RunCommand } from "./commands.ts";
import type { RunDraft } from "./run-draft.ts";
import type { CancelMode, RunEnding } from "./run-state.ts";
import { isTerminal, type StatusReasonCode } from "./statuses.ts";
import { cancelChild, stopStep } from "./stop-step.ts";

/** What is asked of a run as a whole. Each answers false when it changes nothing. */

export function startRun(draft: RunDraft): boolean {
  const { status, queuedAt, ending } = draft.head;
  if (isTerminal(status) || queuedAt !== null || ending !== null) return false;
  draft.head = { ...draft.head, queuedAt: draft.now };
  return true;
}

/** A second end changes nothing, unless it is harder than the first, or a cancel of a run that expired. */
export function endRun(draft: RunDraft, ending: RunEnding): boolean {
  if (isTerminal(draft.head.status)) return false;
  const before = draft.head.ending;
  if (before !== null) {
    const outranks = before.kind === "TIMED_OUT" && ending.kind === "CANCELED";
    const escalates = before.mode === "GRACEFUL" && ending.mode === "FORCE";
    if (!outranks && !escalates) return false;
    const mode = escalates ? "FORCE" : before.mode;
    draft.head = { ...draft.head, ending: { ...(outranks ? ending : before), mode } };
    if (escalates) cancelChildren(draft, mode, ending.reason.message);
    return true;
  }
  draft.head = { ...draft.head, ending, pause: null };
  // Steps that are being stopped already are told how hard by their run; their children are not.
  if (ending.mode === "FORCE") cancelChildren(draft, ending.mode, ending.reason.message);
  const code: StatusReasonCode = ending.kind === "CANCELED" ? "RUN_CANCELED" : "EXPIRED";
  const { message, actorId } = ending.reason;
  for (const { index } of draft.graph.steps) {
    const { status, onDeath } = draft.step(index);
    if (isTerminal(status) || onDeath === "CANCEL") continue;
    const reason = draft.reason(code, message, actorId);
    stopStep(draft, index, { onDeath: "CANCEL", reason, actorId, mode: ending.mode });
  }
  return true;
}

function cancelChildren(draft: RunDraft, mode: CancelMode, message: string): void {
  for (const { index, waitsFor } of draft.graph.steps) {
    if (waitsFor === "CHILD_RUN" && draft.step(index).status === "CANCELING") {
      cancelChild(draft, index, mode, message);
    }
  }
}

export function pauseRun(
  draft: RunDraft,
  { mode, message, actorId }: Extract<RunCommand, { kind: "PAUSE_RUN" }>,
): boolean {
  const { status, pause, queuedAt, ending } = draft.head;
  if (isTerminal(status) || queuedAt === null || ending !== null || pause !== null) return false;
  const reason = draft.reason("REQUESTED", message ?? "paused on request", actorId);
  draft.head = { ...draft.head, pause: { mode, reason } };
  if (mode === "DRAIN") return true;
  for (const { index } of draft.graph.steps) {
    const { status: stepStatus, leased } = draft.step(index);
    if (!leased || stepStatus === "CANCELING") continue;
    stopStep(draft, index, { onDeath: "REQUEUE", reason, actorId });
  }
  return true;
}

export function resumeRun(draft: RunDraft): boolean {
  if (draft.head.pause === null) return false;
  draft.head = { ...draft.head, pause: null };
  return true;
}

/** Seals a run that has ended, or says that it is to be sealed when it does. */
export function finalizeRun(draft: RunDraft): boolean {
  const { status, finalizedAt, sealing } = draft.head;
  if (finalizedAt !== null || sealing) return false;
  draft.head = isTerminal(status)
    ? { ...draft.head, sealing: true, finalizedAt: draft.now }
    : { ...draft.head, sealing: true };
  return true;
}

export function changeLabels(
  draft: RunDraft,
  { labels, actorId }: Extract<RunCommand, { kind: "CHANGE_LABELS" }>,
): boolean {
  draft.labels = labels;
  draft.events.push({ type: "RunLabelsChanged", payload: { labels }, actorId });
  return true;
}

export function addLogFiles(
  draft: RunDraft,
  { files, actorId }: Extract<RunCommand, { kind: "ADD_LOG_FILES" }>,
): boolean {
  for (const payload of files) draft.events.push({ type: "LogFileAdded", payload, actorId });
  return files.length > 0;
}

/** Steps that a retry takes over from the run it retries end before anything starts. */
export function reuseSteps(draft: RunDraft, steps: readonly ReusedStep[], actorId: string): boolean {
  for (const { step: index, status, from } of steps) {
    const reason = draft.reason("REQUESTED", "reused from the run that is retried", actorId);
    draft.moveStep(index, status === "SUCCEEDED" ? "REUSE" : "SKIP", { reason }, actorId);
    // What it gave to others is copied where it is stored.
    draft.setResult(index, { output: null, completion: null, reusedFrom: from });
  }
  return true;
}
