import type { FinishStep } from "./commands.ts";
import { failWait, succeedWait } from "./hold-step.ts";
import { decideRetry, MAX_LOST_LEASES } from "./retry.ts";
import type { RunDraft } from "./run-draft.ts";
import type { AttemptEnd, CancelProof } from "./run-state.ts";
import type { StatusReason } from "./statuses.ts";
import { landStep } from "./stop-step.ts";
import { type GateVerdict, gateVerdict } from "./tests.ts";

/** What runners, and time, make of steps. Each answers false when it came too late. */

const UNDONE = "its runner left tests undone";

function holds(draft: RunDraft, step: number, fence: number): boolean {
  const state = draft.step(step);
  return state.leased && state.fence === fence;
}

export function startStep(draft: RunDraft, index: number, fence: number, actorId: string | null): boolean {
  if (!holds(draft, index, fence)) return false;
  const step = draft.step(index);
  if (step.startedAt !== null) return true;
  const start = { attempt: step.attempt + 1, startedAt: draft.now, exitCode: null };
  if (step.status === "QUEUED") draft.moveStep(index, "START", start, actorId);
  else draft.patchStep(index, start);
  return true;
}

export function finishStep(draft: RunDraft, command: FinishStep): boolean {
  const { step: index, fence, outcome, actorId } = command;
  if (!startStep(draft, index, fence, actorId)) return false;
  const { status, onDeath } = draft.step(index);
  // A step that a pause interrupts may have come to its end first: then nothing is to be done again.
  const gate = gateOf(command);
  const wins = onDeath === "REQUEUE" && outcome === "SUCCEEDED" && gate.kind === "PASS";
  if (status === "CANCELING" && !wins) {
    confirmDead(draft, index, "CONFIRMED", actorId, command);
    return true;
  }
  switch (outcome) {
    case "SUCCEEDED":
      if (gate.kind === "FAIL") failTry(draft, command, outcome, draft.reason("GATE", gate.message));
      else if (gate.kind === "UNDONE") failTry(draft, command, outcome, draft.reason("ERROR", UNDONE));
      else succeedTry(draft, command, gate.kind === "OPEN");
      return true;
    case "ABORTED":
      loseAttempt(
        draft,
        index,
        draft.reason("LEASE_LOST", "its runner stopped before the step ended"),
        command,
      );
      return true;
    default:
      failTry(draft, command, outcome, failureReason(draft, command, outcome));
      return true;
  }
}

/** What the tests of a test step say to its end; any other step has nothing against it. */
function gateOf({ tests }: FinishStep): GateVerdict {
  return tests === null ? { kind: "PASS" } : gateVerdict(tests);
}

/** A test step to which somebody gave more to do meanwhile is executed again. */
function succeedTry(draft: RunDraft, command: FinishStep, goesOn: boolean): void {
  const { step: index, exitCode, actorId } = command;
  endAttempt(draft, index, "SUCCEEDED", null, command);
  if (!goesOn) {
    draft.moveStep(index, "SUCCEED", { exitCode }, actorId);
    return;
  }
  const freeStarts = draft.step(index).freeStarts + 1;
  const reason = draft.reason("REQUESTED", "tests are left to be executed");
  if (isIdle(command)) draft.tests.set(index, "LEAVE_UNDONE");
  draft.moveStep(index, "REQUEUE", { leased: false, startedAt: null, freeStarts, reason }, actorId);
}

function isIdle({ tests }: FinishStep): boolean {
  return tests !== null && tests.idleEnds > 0 && !tests.toDiscover;
}

function failTry(
  draft: RunDraft,
  command: FinishStep,
  outcome: FinishStep["outcome"],
  reason: StatusReason,
): void {
  const { step: index, actorId, exitCode } = command;
  const timedOut = outcome === "TIMED_OUT";
  endAttempt(draft, index, timedOut ? "TIMED_OUT" : "FAILED", reason, command);
  const { attempt, freeStarts } = draft.step(index);
  const { retry } = draft.node(index);
  const { stepRetries } = draft.settings;
  const policy = stepRetries === null ? retry : { ...retry, attempts: stepRetries + 1 };
  const next = decideRetry(policy, attempt, freeStarts);
  if (!next.retry) {
    draft.moveStep(index, timedOut ? "TIME_OUT" : "FAIL", { reason, exitCode }, actorId);
    return;
  }
  const idle = { leased: false, startedAt: null, reason, exitCode };
  if (draft.node(index).type === "TEST") draft.tests.set(index, "RERUN");
  if (next.delayMs === 0) {
    draft.moveStep(index, "REQUEUE", idle, actorId);
  } else {
    const dueAt = new Date(draft.now.getTime() + next.delayMs);
    draft.moveStep(index, "RETRY_LATER", { ...idle, dueAt }, actorId);
  }
}

function failureReason(draft: RunDraft, command: FinishStep, outcome: "FAILED" | "TIMED_OUT"): StatusReason {
  if (outcome === "TIMED_OUT") return draft.reason("TIMEOUT", command.error ?? "the step's timeout is over");
  const { exitCode, error } = command;
  if (exitCode === null || exitCode === 0) return draft.reason("ERROR", error ?? "the step failed");
  return draft.reason("EXIT_CODE", error ?? `exit code ${exitCode}`);
}

export function releaseStep(draft: RunDraft, index: number, fence: number, proof: CancelProof): boolean {
  if (!holds(draft, index, fence) || draft.step(index).startedAt !== null) return false;
  if (draft.step(index).status === "CANCELING") confirmDead(draft, index, proof, null, null);
  else draft.patchStep(index, { leased: false });
  return true;
}

/** The fence grows, so that whatever the lost runner still reports is refused. */
export function loseLease(draft: RunDraft, index: number, fence: number): boolean {
  if (!holds(draft, index, fence)) return false;
  const { status, startedAt } = draft.step(index);
  if (status === "CANCELING") {
    confirmDead(draft, index, "LEASE_EXPIRED", null, null);
  } else if (startedAt === null) {
    draft.patchStep(index, { leased: false });
  } else {
    loseAttempt(draft, index, draft.reason("LEASE_LOST", "its runner was lost"), null);
  }
  draft.patchStep(index, { fence: fence + 1 });
  return true;
}

/** The attempt is over without a verdict of its own: it runs again, unless it has lost too many runners. */
function loseAttempt(draft: RunDraft, index: number, reason: StatusReason, end: FinishStep | null): void {
  endAttempt(draft, index, "FAILED", reason, end);
  const step = draft.step(index);
  const lost = step.lost + 1;
  const freeStarts = step.freeStarts + 1;
  if (lost >= MAX_LOST_LEASES) {
    const given = draft.reason("LEASE_LOST", `given up after ${lost} lost runners`);
    draft.moveStep(index, "FAIL", { lost, freeStarts, reason: given }, null);
  } else {
    draft.moveStep(index, "REQUEUE", { lost, freeStarts, reason, leased: false, startedAt: null }, null);
  }
}

function confirmDead(
  draft: RunDraft,
  index: number,
  cancelProof: CancelProof,
  actorId: string | null,
  end: FinishStep | null,
): void {
  const { reason: stored, startedAt, onDeath } = draft.step(index);
  const reason = stored ?? draft.reason("REQUESTED", "stopped");
  if (startedAt !== null) endAttempt(draft, index, "CANCELED", reason, end);
  const patch = { cancelProof, exitCode: end?.exitCode ?? null };
  landStep(draft, index, { onDeath: onDeath ?? "CANCEL", reason, actorId }, patch);
}

export function wakeStep(draft: RunDraft, index: number): boolean {
  const { status, dueAt } = draft.step(index);
  if (status !== "WAITING" || dueAt === null || dueAt > draft.now) return false;
  const { waitsFor } = draft.node(index);
  if (waitsFor === "RUNNER") draft.moveStep(index, "WAKE", { dueAt: null }, null);
  else if (waitsFor === "DELAY") succeedWait(draft, index, {}, null);
  else failWait(draft, index, "TIMED_OUT", draft.reason("TIMEOUT", "nobody answered in time"), null);
  return true;
}

function endAttempt(
  draft: RunDraft,
  index: number,
  status: AttemptEnd["status"],
  reason: StatusReason | null,
  end: FinishStep | null,
): void {
  const { attempt, fence, startedAt } = draft.step(index);
  draft.attempts.push({
    step: index,
    number: attempt,
    fence,
    status,
    reason,
    startedAt: startedAt ?? draft.now,
    finishedAt: draft.now,
    exitCode: end?.exitCode ?? null,
    output: status === "SUCCEEDED" ? (end?.output ?? {}) : (end?.output ?? null),
    error: end?.error ?? (status === "SUCCEEDED" ? null : (reason?.message ?? null)),
    reported: end !== null,
    log: end?.log ?? null,
  });
}
