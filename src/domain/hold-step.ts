import type { ApprovalStatus } from "./approvals.ts";
import type { RunDraft } from "./run-draft.ts";
import type { AttemptEnd } from "./run-state.ts";
import type { StatusReason } from "./statuses.ts";

/** Steps that wait for something other than a runner: how their wait begins, and how it ends. */

/** A step that may go begins to wait. What it waits for is asked anew every time, so it is a new attempt. */
export function holdStep(draft: RunDraft, index: number, actorId: string | null): void {
  const { waitsFor, delayMs, patienceMs } = draft.node(index);
  const { attempt: last } = draft.step(index);
  const waitMs = waitsFor === "DELAY" ? (delayMs ?? 0) : patienceMs;
  const dueAt = waitMs === null ? null : new Date(draft.now.getTime() + waitMs);
  // A delay is no try: it cannot fail.
  const attempt = waitsFor === "DELAY" ? last : last + 1;
  draft.moveStep(index, "HOLD", { pending: 0, attempt, startedAt: draft.now, dueAt }, actorId);
  if (waitsFor === "CHILD_RUN") draft.signals.push({ kind: "START_CHILD", step: index, attempt });
  if (waitsFor !== "APPROVAL") return;
  draft.approvals.push({ step: index, attempt, status: "PENDING", dueAt });
  draft.events.push({ type: "ApprovalRequested", payload: { step: index, attempt }, actorId });
}

interface WaitEnd {
  readonly status: AttemptEnd["status"];
  readonly reason: StatusReason | null;
  readonly output: AttemptEnd["output"];
  /** What the approvers are told, if it was an approval. */
  readonly approval: ApprovalStatus;
}

/** Closes the attempt of a step whose wait is over; its status is moved by the caller. */
export function endWait(draft: RunDraft, index: number, end: WaitEnd): void {
  const { waitsFor } = draft.node(index);
  const { attempt, fence, startedAt } = draft.step(index);
  if (waitsFor === "RUNNER" || waitsFor === "DELAY" || startedAt === null) return;
  draft.attempts.push({
    step: index,
    number: attempt,
    fence,
    status: end.status,
    reason: end.reason,
    startedAt,
    finishedAt: draft.now,
    exitCode: null,
    output: end.output,
    error: end.status === "SUCCEEDED" ? null : (end.reason?.message ?? null),
    reported: false,
    log: null,
  });
  if (waitsFor === "APPROVAL") {
    draft.approvals.push({ step: index, attempt, status: end.approval, dueAt: null });
  }
}

/** The wait ended well: the step has succeeded, with what it gives to others. */
export function succeedWait(
  draft: RunDraft,
  index: number,
  output: Readonly<Record<string, unknown>>,
  actorId: string | null,
): void {
  endWait(draft, index, { status: "SUCCEEDED", reason: null, output, approval: "APPROVED" });
  draft.moveStep(index, "SUCCEED", {}, actorId);
}

/** The wait ended badly. */
export function failWait(
  draft: RunDraft,
  index: number,
  status: "FAILED" | "TIMED_OUT",
  reason: StatusReason,
  actorId: string | null,
): void {
  const approval = status === "FAILED" ? "REJECTED" : "TIMED_OUT";
  endWait(draft, index, { status, reason, output: null, approval });
  draft.moveStep(index, status === "FAILED" ? "FAIL" : "TIME_OUT", { reason }, actorId);
}
