import type { TestRef, TestReviewStatus, TestRunStatus } from "../domain/tests.ts";
import type { Transaction } from "./database.ts";
import type { Statement } from "./queries/queryable.ts";

/** What people do to tests, under the lock of their run. */

export interface CommandedTest extends TestRef {
  readonly step: number;
  readonly status: TestRunStatus;
}

export interface NewReview {
  readonly review: TestReviewStatus;
  readonly comment: string | null;
  /** When a waiver ends; null = never, and for other reviews. */
  readonly expiresAt: Date | null;
  readonly actorId: string;
}

const TESTS: Statement = {
  name: "commanded-tests",
  text: `select t.step_idx as step, t.idx as test, t.key, t.attempt, t.status
    from unnest($2::integer[], $3::integer[]) k(step_idx, idx)
    join test_run t on t.run_id = $1 and t.step_idx = k.step_idx and t.idx = k.idx`,
};
const ABORT: Statement = {
  name: "abort-tests",
  text: `update test_run t set status = case when t.status = 'QUEUED' then 'CANCELED' else t.status end::test_run_status,
      finished_at = case when t.status = 'QUEUED' then $4::timestamptz end, abort_requested = t.status = 'RUNNING',
      status_reason = $5, updated_at = $4
    where t.run_id = $1 and t.step_idx = $2 and t.idx = any ($3::integer[]) and t.status in ('QUEUED', 'RUNNING')`,
};
const REVIEW: Statement = {
  name: "review-tests",
  text: `update test_run t set review_status = $4, review_comment = $5, review_expires_at = $6, reviewed_by = $7,
      reviewed_at = $8, updated_at = $8
    where t.run_id = $1 and t.step_idx = $2 and t.idx = any ($3::integer[])
    returning t.case_id as "caseId"`,
};
/** In one order: reviews of two runs may come to the same cases. */
const LOCK_CASES: Statement = {
  name: "lock-test-cases",
  text: "select from test_case where id = any ($1::bigint[]) order by id for no key update",
};
const WAIVE: Statement = {
  name: "waive-tests",
  text: `update test_case set waived_by = $2, waived_at = $3, waived_until = $4, waive_comment = $5
    where id = any ($1::bigint[])`,
};
const WAIVE_NO_MORE: Statement = {
  name: "waive-tests-no-more",
  text: `update test_case set waived_by = null, waived_at = null, waived_until = null, waive_comment = null
    where id = any ($1::bigint[]) and waived_at is not null`,
};
const RECORD: Statement = {
  name: "record-test-reviews",
  text: `insert into test_review (run_id, step_idx, idx, attempt, status, comment, expires_at, actor_id, at)
    select $1, $2, d.test, d.attempt, $4, $5, $6, $7, $8
    from jsonb_to_recordset($3) as d(test integer, attempt integer)`,
};

export async function commandedTests(
  transaction: Transaction,
  runId: string,
  places: readonly { readonly step: number; readonly index: number }[],
): Promise<CommandedTest[]> {
  const steps = places.map(({ step }) => step);
  return await transaction.query<CommandedTest>(TESTS, [runId, steps, places.map(({ index }) => index)]);
}

/** Queued ones end; the runners of the others are told. */
export async function abortTests(
  transaction: Transaction,
  { runId, step }: { readonly runId: string; readonly step: number },
  tests: readonly TestRef[],
  { message, actorId }: { readonly message: string; readonly actorId: string },
  now: Date,
): Promise<void> {
  const reason = JSON.stringify({ code: "ABORTED", message, actorId, at: now });
  await transaction.query(ABORT, [runId, step, tests.map(({ test }) => test), now, reason]);
}

/**
 * Sets the newest review of tests. A waiver holds for the test in all runs of its workflow, and whoever rejects the
 * test takes it back.
 */
export async function reviewTests(
  transaction: Transaction,
  { runId, step }: { readonly runId: string; readonly step: number },
  tests: readonly TestRef[],
  { review, comment, expiresAt, actorId }: NewReview,
  now: Date,
): Promise<void> {
  const indexes = tests.map(({ test }) => test);
  const values = [runId, step, indexes, review, comment, expiresAt, actorId, now];
  const reviewed = await transaction.query<{ caseId: string }>(REVIEW, values);
  if (review === "APPROVED") return;
  const cases = reviewed.map(({ caseId }) => caseId);
  await transaction.query(LOCK_CASES, [cases]);
  if (review === "WAIVED") await transaction.query(WAIVE, [cases, actorId, now, expiresAt, comment]);
  else await transaction.query(WAIVE_NO_MORE, [cases]);
}

/** Keeps the reviews for good, whatever comes after them. */
export async function recordReviews(
  transaction: Transaction,
  { runId, step }: { readonly runId: string; readonly step: number },
  tests: readonly TestRef[],
  { review, comment, expiresAt, actorId }: NewReview,
  now: Date,
): Promise<void> {
  const rows = JSON.stringify(tests.map(({ test, attempt }) => ({ test, attempt })));
  await transaction.query(RECORD, [runId, step, rows, review, comment, expiresAt, actorId, now]);
}
