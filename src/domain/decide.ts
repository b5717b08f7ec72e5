import type { FinishStep, RunCommand } from "./commands.ts";
import type { RunEventDraft } from "./events.ts";
import { decideRetry, MAX_LOST_LEASES } from "./retry.ts";
import { RunDraft } from "./run-draft.ts";
import type { AttemptEnd, CancelProof, RunHead, RunState, StageState, StepState } from "./run-state.ts";
import { isTerminal, type StatusReason, type StatusReasonCode } from "./statuses.ts";

/** Everything that a batch of commands changes: it is stored in one transaction, or not at all. */
export interface RunDelta {
  readonly head: RunHead;
  readonly steps: readonly StepState[];
  readonly stages: readonly StageState[];
  readonly attempts: readonly AttemptEnd[];
  readonly events: readonly RunEventDraft[];
  /** For each command, in order: false = it came too late (another fence, an ended step) and did nothing. */
  readonly applied: readonly boolean[];
}

/**
 * Decides what commands do to a run. Pure: the same run, commands and time always give the same delta.
 * Commands that came too late are no error, they just do nothing.
 */
export function decide(run: RunState, commands: readonly RunCommand[], now: Date): RunDelta {
  const draft = new RunDraft(run, now);
  const applied: boolean[] = [];
  let askerId: string | null = null;
  for (const command of commands) {
    const concernsRun = command.kind === "CANCEL_RUN" || command.kind === "EXPIRE_RUN";
    // Whether the run is over is only known once the commands before have had their consequences.
    if (concernsRun && applied.includes(true)) draft.settle(null);
    const done = apply(draft, command);
    if (done && (command.kind === "CANCEL_RUN" || command.kind === "START_RUN")) askerId = command.actorId;
    applied.push(done);
  }
  if (applied.includes(true)) draft.settle(askerId);
  return {
    head: draft.head,
    steps: draft.changedSteps,
    stages: draft.changedStages,
    attempts: draft.attempts,
    events: draft.events,
    applied,
  };
}

function apply(draft: RunDraft, command: RunCommand): boolean {
  switch (command.kind) {
    case "START_RUN":
      return startRun(draft);
    case "CANCEL_RUN": {
      const message = command.message ?? "canceled on request";
      return endRun(draft, {
        kind: "CANCELED",
        mode: command.mode,
        reason: draft.reason("REQUESTED", message, command.actorId),
      });
    }
    case "EXPIRE_RUN":
      return endRun(draft, {
        kind: "TIMED_OUT",
        mode: "GRACEFUL",
        reason: draft.reason("EXPIRED", "the run's timeout is over"),
      });
    case "START_STEP":
      return startStep(draft, command.step, command.fence, command.actorId);
    case "FINISH_STEP":
      return finishStep(draft, command);
    case "RELEASE_STEP":
      return releaseStep(draft, command.step, command.fence, "CONFIRMED");
    case "LOSE_LEASE":
      return loseLease(draft, command.step, command.fence);
    case "WAKE_STEP":
      return wakeStep(draft, command.step);
  }
}

function startRun(draft: RunDraft): boolean {
  if (draft.head.queuedAt !== null || draft.head.ending !== null) return false;
  draft.head = { ...draft.head, queuedAt: draft.now };
  return true;
}

/** A second end changes nothing, unless it is harder than the first, or a cancel of a run that expired. */
function endRun(draft: RunDraft, ending: NonNullable<RunHead["ending"]>): boolean {
  if (isTerminal(draft.head.status)) return false;
  const before = draft.head.ending;
  if (before !== null) {
    const outranks = before.kind === "TIMED_OUT" && ending.kind === "CANCELED";
    const escalates = before.mode === "GRACEFUL" && ending.mode === "FORCE";
    if (!outranks && !escalates) return false;
    const mode = escalates ? "FORCE" : before.mode;
    draft.head = { ...draft.head, ending: { ...(outranks ? ending : before), mode } };
    return true;
  }
  draft.head = { ...draft.head, ending };
  const code: StatusReasonCode = ending.kind === "CANCELED" ? "RUN_CANCELED" : "EXPIRED";
  for (const { index } of draft.graph.steps) {
    const { status, leased } = draft.step(index);
    if (isTerminal(status) || status === "CANCELING") continue;
    const reason = draft.reason(code, ending.reason.message, ending.reason.actorId);
    const trigger = leased ? "CANCEL_LEASED" : "CANCEL";
    draft.moveStep(index, trigger, { reason, pending: 0, dueAt: null }, ending.reason.actorId);
  }
  return true;
}

function holds(draft: RunDraft, step: number, fence: number): boolean {
  const state = draft.step(step);
  return state.leased && state.fence === fence;
}

function startStep(draft: RunDraft, index: number, fence: number, actorId: string | null): boolean {
  if (!holds(draft, index, fence)) return false;
  const step = draft.step(index);
  if (step.startedAt !== null) return true;
  const start = { attempt: step.attempt + 1, startedAt: draft.now, exitCode: null };
  if (step.status === "QUEUED") draft.moveStep(index, "START", start, actorId);
  else draft.patchStep(index, start);
  return true;
}

function finishStep(draft: RunDraft, command: FinishStep): boolean {
  const { step: index, fence, outcome, actorId } = command;
  if (!startStep(draft, index, fence, actorId)) return false;
  if (draft.step(index).status === "CANCELING") {
    confirmDead(draft, index, "CONFIRMED", actorId, command);
    return true;
  }
  switch (outcome) {
    case "SUCCEEDED":
      endAttempt(draft, index, "SUCCEEDED", null, command);
      draft.moveStep(index, "SUCCEED", { exitCode: command.exitCode }, actorId);
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
      failTry(draft, command, outcome);
      return true;
  }
}

function failTry(draft: RunDraft, command: FinishStep, outcome: "FAILED" | "TIMED_OUT"): void {
  const { step: index, actorId, exitCode } = command;
  const reason = failureReason(draft, command, outcome);
  endAttempt(draft, index, outcome, reason, command);
  const { attempt, lost } = draft.step(index);
  const next = decideRetry(draft.node(index).retry, attempt, lost);
  if (!next.retry) {
    draft.moveStep(index, outcome === "FAILED" ? "FAIL" : "TIME_OUT", { reason, exitCode }, actorId);
    return;
  }
  const idle = { leased: false, startedAt: null, reason, exitCode };
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

function releaseStep(draft: RunDraft, index: number, fence: number, proof: CancelProof): boolean {
  if (!holds(draft, index, fence) || draft.step(index).startedAt !== null) return false;
  if (draft.step(index).status === "CANCELING") confirmDead(draft, index, proof, null, null);
  else draft.patchStep(index, { leased: false });
  return true;
}

/** The fence grows, so that whatever the lost runner still reports is refused. */
function loseLease(draft: RunDraft, index: number, fence: number): boolean {
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
  const lost = draft.step(index).lost + 1;
  if (lost >= MAX_LOST_LEASES) {
    const given = draft.reason("LEASE_LOST", `given up after ${lost} lost runners`);
    draft.moveStep(index, "FAIL", { lost, reason: given }, null);
  } else {
    draft.moveStep(index, "REQUEUE", { lost, reason, leased: false, startedAt: null }, null);
  }
}

function confirmDead(
  draft: RunDraft,
  index: number,
  cancelProof: CancelProof,
  actorId: string | null,
  end: FinishStep | null,
): void {
  const { reason, startedAt } = draft.step(index);
  if (startedAt !== null) endAttempt(draft, index, "CANCELED", reason, end);
  draft.moveStep(index, "CONFIRM_DEAD", { reason, cancelProof, exitCode: end?.exitCode ?? null }, actorId);
}

function wakeStep(draft: RunDraft, index: number): boolean {
  const { status, dueAt } = draft.step(index);
  if (status !== "WAITING" || dueAt === null || dueAt > draft.now) return false;
  if (draft.node(index).type === "DELAY") draft.moveStep(index, "SUCCEED", {}, null);
  else draft.moveStep(index, "WAKE", { dueAt: null }, null);
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
    log: end?.log ?? null,
  });
}
