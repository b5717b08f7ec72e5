import { resetBy, reviveAfter } from "./revive.ts";
import type { RunDraft } from "./run-draft.ts";
import { isTerminal } from "./statuses.ts";
import { landStep } from "./stop-step.ts";
import { gateVerdict, type TestRef, type TestReviewStatus, type TestTally } from "./tests.ts";

/** What a person asks of the tests of one step. Their rows are changed by the caller, in the same transaction. */
export type TestCommand =
  /** These are executed again, or the step looks for tests anew; a step that had ended goes on for it. */
  | {
      readonly kind: "QUEUE_TESTS";
      readonly step: number;
      readonly tests: readonly TestRef[];
      readonly actorId: string;
    }
  /** These were queued and are canceled. */
  | {
      readonly kind: "ABORT_TESTS";
      readonly step: number;
      readonly tests: readonly TestRef[];
      readonly actorId: string;
    }
  | {
      readonly kind: "REVIEW_TESTS";
      readonly step: number;
      readonly tests: readonly TestRef[];
      readonly review: TestReviewStatus;
      readonly comment: string | null;
      readonly expiresAt: Date | null;
      /** The step's tests with these reviews. */
      readonly tally: TestTally;
      readonly actorId: string;
    };

export function applyTestCommand(draft: RunDraft, command: TestCommand): boolean {
  const { step: index } = command;
  if (draft.node(index).type !== "TEST" || draft.step(index).status === "CANCELING") return false;
  switch (command.kind) {
    case "QUEUE_TESTS":
      tell(draft, command, "QUEUED");
      goOn(draft, index, command.actorId);
      return true;
    case "ABORT_TESTS":
      tell(draft, command, "CANCELED");
      return true;
    case "REVIEW_TESTS":
      review(draft, command);
      return true;
  }
}

function tell(
  draft: RunDraft,
  { step, tests, actorId }: Exclude<TestCommand, { kind: "REVIEW_TESTS" }>,
  status: "QUEUED" | "CANCELED",
): void {
  for (const { test, key, attempt } of tests) {
    const payload = { step, test, key, status, attempt };
    draft.events.push({ type: "TestStatusChanged", payload, actorId });
  }
}

/** A step that executes, or will, comes to its new tests by itself. */
function goOn(draft: RunDraft, index: number, actorId: string): void {
  if (!isTerminal(draft.step(index).status)) return;
  landStep(draft, index, resetBy(draft, actorId), {});
  // Only what was asked for is executed again, not everything.
  draft.tests.delete(index);
  reviveAfter(draft, index, actorId);
}

/** Whoever rejects a test fails its step; a step that its tests had failed passes as soon as they allow it. */
function review(draft: RunDraft, command: Extract<TestCommand, { kind: "REVIEW_TESTS" }>): void {
  const { step: index, tests, review, comment, actorId } = command;
  const expiresAt = command.expiresAt?.toISOString() ?? null;
  for (const { test, key, attempt } of tests) {
    const payload = { step: index, test, key, attempt, review, comment, expiresAt };
    draft.events.push({ type: "TestReviewed", payload, actorId });
  }
  const { status, reason } = draft.step(index);
  const gate = gateVerdict(command.tally);
  if (status === "FAILED" && reason?.code === "GATE" && gate.kind === "PASS") {
    draft.moveStep(index, "GATE_PASS", {}, actorId);
    reviveAfter(draft, index, actorId);
  }
  // A step without a reason succeeded by its tests, not by somebody's word.
  if (status === "SUCCEEDED" && reason === null && gate.kind === "FAIL" && review === "REJECTED") {
    draft.moveStep(index, "GATE_FAIL", { reason: draft.reason("GATE", gate.message, actorId) }, actorId);
  }
}
