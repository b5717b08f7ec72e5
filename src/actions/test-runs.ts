import type { Viewer } from "../domain/access.ts";
import { invalidValue } from "../domain/refusals.ts";
import type { TestReviewStatus } from "../domain/tests.ts";
import { talliesOf } from "../orchestration/test-tallies.ts";
import type { Engine } from "../orchestration/transition.ts";
import { abortTests, recordReviews, reviewTests } from "../persistence/test-command-store.ts";
import { queueTests } from "../persistence/test-report-store.ts";
import { checkReason } from "./command-run.ts";
import { commandTests, type TestsAnswer, type TestsRequest } from "./command-tests.ts";

const MAX_COMMENT_LENGTH = 2_000;

/** Executes tests again that have ended; their attempts stay. A step that had ended goes on for it. */
export async function rerunTestRuns(
  engine: Engine,
  viewer: Viewer,
  request: TestsRequest,
): Promise<TestsAnswer> {
  const actorId = viewer.accountId;
  return await commandTests(engine, viewer, request, {
    action: "rerunTestRuns",
    details: {},
    commandOn: (_run, { step, tests }) => ({ kind: "QUEUE_TESTS", step, tests: tests.map(refOf), actorId }),
    store: async (transaction, { tests, ...place }) => {
      const indexes = tests.map(({ test }) => test);
      await queueTests(transaction, place, indexes, engine.clock.now());
    },
  });
}

/** Stops tests: queued ones at once, running ones as soon as their runner hears of it. */
export async function abortTestRuns(
  engine: Engine,
  viewer: Viewer,
  request: TestsRequest & { readonly reason: string | null },
): Promise<TestsAnswer> {
  const { reason } = request;
  checkReason(reason);
  const actorId = viewer.accountId;
  return await commandTests(engine, viewer, request, {
    action: "abortTestRuns",
    details: { reason },
    commandOn: (_run, { step, tests }) => ({
      kind: "ABORT_TESTS",
      step,
      tests: tests.filter(({ status }) => status === "QUEUED").map(refOf),
      actorId,
    }),
    store: async (transaction, { tests, ...place }) => {
      const why = { message: reason ?? "aborted on request", actorId };
      await abortTests(transaction, place, tests, why, engine.clock.now());
    },
  });
}

export interface ReviewTestRuns extends TestsRequest {
  readonly status: TestReviewStatus;
  readonly comment: string | null;
  /** When a waiver ends; null = never. */
  readonly expiresAt: Date | null;
}

/** Says what people think of the results of tests. The gate of their step is looked at anew. */
export async function reviewTestRuns(
  engine: Engine,
  viewer: Viewer,
  request: ReviewTestRuns,
): Promise<TestsAnswer> {
  const { status: review, comment, expiresAt } = request;
  checkReview(request, engine.clock.now());
  const given = { review, comment, expiresAt, actorId: viewer.accountId };
  return await commandTests(engine, viewer, request, {
    action: "reviewTestRuns",
    details: { status: review, comment, expiresAt },
    // Stored before it is decided, because the gate counts it; to do so twice makes no difference.
    commandOn: async (run, { tests, ...place }, transaction) => {
      await reviewTests(transaction, place, tests, given, engine.clock.now());
      const { step } = place;
      const tallies = await talliesOf(engine, transaction, run, [place]);
      const tally = tallies.get(step)!;
      return { kind: "REVIEW_TESTS", step, tests: tests.map(refOf), tally, ...given };
    },
    store: async (transaction, { tests, ...place }) => {
      await recordReviews(transaction, place, tests, given, engine.clock.now());
    },
  });
}

function checkReview({ status, comment, expiresAt }: ReviewTestRuns, now: Date): void {
  if (comment !== null && (comment.length > MAX_COMMENT_LENGTH || comment.includes("\0"))) {
    throw invalidValue("input.comment", `at most ${MAX_COMMENT_LENGTH} characters and no NUL`);
  }
  if (expiresAt === null) return;
  if (status !== "WAIVED") throw invalidValue("input.expiresAt", "only a waiver ends");
  if (expiresAt <= now) throw invalidValue("input.expiresAt", "must be in the future");
}

function refOf({ test, key, attempt }: { test: number; key: string; attempt: number }) {
  return { test, key, attempt };
}
