import type { RunCommand, StepCommand } from "./commands.ts";
import { failWait, succeedWait } from "./hold-step.ts";
import { reopenIfChanged } from "./reopen.ts";
import { descendantsOf, resetBy, reviveAfter } from "./revive.ts";
import type { RunDraft } from "./run-draft.ts";
import { isTerminal, type StepRunStatus } from "./statuses.ts";
import { landStep, stopStep } from "./stop-step.ts";
import { applyTestCommand } from "./test-commands.ts";

/** What people, and external systems, ask of single steps. Answers false when it is too late for it. */
export function applyStepCommand(draft: RunDraft, command: StepCommand): boolean {
  const { status: runStatus, finalizedAt } = draft.head;
  if (finalizedAt !== null) return false;
  // A run that is being ended takes no new turn.
  if (draft.head.ending !== null && !isTerminal(runStatus)) return false;
  const eventsBefore = draft.events.length;
  if (!applyTo(draft, command)) return false;
  reopenIfChanged(draft, eventsBefore, command.actorId);
  return true;
}

function applyTo(draft: RunDraft, command: StepCommand): boolean {
  const { step: index, actorId } = command;
  const { status } = draft.step(index);
  switch (command.kind) {
    case "ABORT_STEP": {
      if (isTerminal(status)) return false;
      const reason = draft.reason("ABORTED", command.message ?? "aborted on request", actorId);
      stopStep(draft, index, { onDeath: "CANCEL", reason, actorId });
      return true;
    }
    case "RETRY_STEP":
      if (!RETRYABLE.has(status)) return false;
      landStep(draft, index, resetBy(draft, actorId), {});
      reviveAfter(draft, index, actorId);
      return true;
    case "REPLAY_SUBTREE": {
      const { attempt, startedAt } = draft.step(index);
      if (attempt === 0 && startedAt === null && status !== "SUCCEEDED") return false;
      for (const member of [index, ...descendantsOf(draft, index)]) {
        if (draft.step(member).status !== "PENDING") stopStep(draft, member, resetBy(draft, actorId));
      }
      return true;
    }
    case "SKIP_STEP": {
      if (!isSkippable(draft, index)) return false;
      const reason = draft.reason("REQUESTED", command.message ?? "skipped on request", actorId);
      draft.setResult(index, null);
      stopStep(draft, index, { onDeath: "SKIP", reason, actorId });
      reviveAfter(draft, index, actorId);
      return true;
    }
    case "FORCE_COMPLETE_STEP": {
      if (status !== "RUNNING" && !isSkippable(draft, index)) return false;
      const reason = draft.reason("REQUESTED", "completed on request", actorId);
      draft.setResult(index, { output: command.output, completion: null, reusedFrom: null });
      stopStep(draft, index, { onDeath: "SUCCEED", reason, actorId });
      reviveAfter(draft, index, actorId);
      return true;
    }
    case "COMPLETE_STEP":
      return completeStep(draft, command);
    case "DECIDE_APPROVAL":
      return decideApproval(draft, command);
    default:
      return applyTestCommand(draft, command);
  }
}

const RETRYABLE: ReadonlySet<StepRunStatus> = new Set(["FAILED", "TIMED_OUT", "CANCELED"]);
const SKIPPABLE: ReadonlySet<StepRunStatus> = new Set([
  "PENDING",
  "QUEUED",
  "WAITING",
  "FAILED",
  "TIMED_OUT",
  "CANCELED",
]);

function isSkippable(draft: RunDraft, index: number): boolean {
  const { status, reason } = draft.step(index);
  return SKIPPABLE.has(status) || (status === "SKIPPED" && reason?.code === "DEPENDENCY");
}

function completeStep(
  draft: RunDraft,
  { step: index, completion, output, actorId }: Extract<StepCommand, { kind: "COMPLETE_STEP" }>,
): boolean {
  if (draft.step(index).status !== "WAITING" || draft.node(index).waitsFor !== "EXTERNAL") return false;
  draft.setResult(index, { output: completion.success ? output : null, completion, reusedFrom: null });
  if (completion.success) succeedWait(draft, index, output, actorId);
  else {
    const reason = draft.reason("ERROR", completion.message ?? "reported as failed", actorId);
    failWait(draft, index, "FAILED", reason, actorId);
  }
  return true;
}

function decideApproval(
  draft: RunDraft,
  command: Extract<StepCommand, { kind: "DECIDE_APPROVAL" }>,
): boolean {
  const { step: index, verdict, comment, approvals, fields, actorId } = command;
  const { approval } = draft.node(index);
  const { status: stepStatus, attempt } = draft.step(index);
  if (stepStatus !== "WAITING" || approval === null) return false;
  const met = verdict === "APPROVE" && approvals >= approval.quorum;
  const status = verdict === "REJECT" ? "REJECTED" : met ? "APPROVED" : "PENDING";
  const payload = { step: index, attempt, verdict, comment, status } as const;
  draft.events.push({ type: "ApprovalDecided", payload, actorId });
  if (met) succeedWait(draft, index, fields, actorId);
  if (verdict === "REJECT") {
    const reason = draft.reason("REJECTED", comment ?? "rejected", actorId);
    failWait(draft, index, "FAILED", reason, actorId);
  }
  return true;
}

/** The child run of a step has ended: so has the step, or the stop that it was waiting for is complete. */
export function endChild(draft: RunDraft, command: Extract<RunCommand, { kind: "CHILD_ENDED" }>): boolean {
  const { step: index, attempt, status: childStatus, message, output } = command;
  const { status, attempt: current, onDeath, reason } = draft.step(index);
  if (attempt !== current || draft.node(index).waitsFor !== "CHILD_RUN") return false;
  if (status === "CANCELING") {
    const stop = { onDeath: onDeath ?? "CANCEL", reason: reason ?? draft.reason("REQUESTED", "stopped") };
    landStep(draft, index, { ...stop, actorId: null }, { cancelProof: "CONFIRMED" });
    return true;
  }
  if (status !== "WAITING") return false;
  if (childStatus === "SUCCEEDED" || childStatus === "SKIPPED") {
    draft.setResult(index, { output, completion: null, reusedFrom: null });
    succeedWait(draft, index, output, null);
  } else {
    const code = childStatus === "TIMED_OUT" ? "TIMEOUT" : "ERROR";
    const why = draft.reason(code, message ?? `its run ended ${childStatus}`);
    failWait(draft, index, childStatus === "TIMED_OUT" ? "TIMED_OUT" : "FAILED", why, null);
  }
  return true;
}
