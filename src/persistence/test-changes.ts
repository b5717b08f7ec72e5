import type { RunDelta } from "../domain/decide.ts";
import type { RunEventDraft } from "../domain/events.ts";
import type { TestsChange } from "../domain/step-tests.ts";
import { TEST_FAILURES, type TestRef, type TestRunStatus } from "../domain/tests.ts";
import type { Transaction } from "./database.ts";
import type { Statement } from "./queries/queryable.ts";

/** What becomes of the tests of a step when the step itself moves: stored under the lock of its run. */

export interface MovedTest extends TestRef {
  readonly status: TestRunStatus;
}

const MOVED = "t.idx as test, t.key, t.attempt, t.status";
/** A review of what was done holds for that attempt alone; a waiver outlives it. */
export const KEPT_REVIEW = [
  "review_status",
  "reviewed_by",
  "reviewed_at",
  "review_comment",
  "review_expires_at",
]
  .map((column) => `${column} = case when t.review_status = 'WAIVED' then t.${column} end`)
  .join(", ");
export const AFRESH = `started_at = null, finished_at = null, duration_ms = null, message = null, regression = null,
  abort_requested = false, ${KEPT_REVIEW}`;

/** A running one ends with the step, and has an attempt that says so. */
const CLOSE: Statement = {
  name: "close-tests",
  text: `with open as (
      select t.* from test_run t where t.run_id = $1 and t.step_idx = $2 and t.status in ('QUEUED', 'RUNNING')
    ), ended as (
      insert into test_attempt (run_id, step_idx, idx, number, status, started_at, finished_at, duration_ms,
        step_attempt, fence)
      select o.run_id, o.step_idx, o.idx, o.attempt, 'CANCELED', o.started_at, $4::timestamptz,
        extract(epoch from greatest($4::timestamptz - o.started_at, interval '0')) * 1000, s.attempt, o.fence
      from open o join step_run s on s.run_id = o.run_id and s.idx = o.step_idx where o.status = 'RUNNING'
    )
    update test_run t set status = 'CANCELED', status_reason = coalesce(t.status_reason, $3), finished_at = $4,
      updated_at = $4
    from open o where t.run_id = o.run_id and t.step_idx = o.step_idx and t.idx = o.idx
    returning ${MOVED}`,
};
/** What nobody executes any more: queued again, or canceled if that was asked for. The try does not count. */
const RELEASE_TEXT = `update test_run t set
    status = case when t.abort_requested then 'CANCELED' else 'QUEUED' end::test_run_status, attempt = t.attempt - 1,
    fence = null, started_at = null, finished_at = case when t.abort_requested then $3::timestamptz end,
    abort_requested = false, updated_at = $3
  where t.run_id = $1 and t.step_idx = $2 and t.status = 'RUNNING'`;
const RELEASE: Statement = { name: "release-tests", text: `${RELEASE_TEXT} returning ${MOVED}` };
const RELEASE_OTHERS: Statement = {
  name: "release-other-tests",
  text: `${RELEASE_TEXT} and (t.fence <> $4 or t.idx <> all ($5::integer[])) returning ${MOVED}`,
};
const QUEUE_FAILED: Statement = {
  name: "queue-failed-tests",
  text: `update test_run t set status = 'QUEUED', status_reason = null, updated_at = $3, ${AFRESH}
    where t.run_id = $1 and t.step_idx = $2 and not t.gone
      and t.status in (${TEST_FAILURES.map((status) => `'${status}'`).join(", ")})
    returning ${MOVED}`,
};
const START_OVER: Statement = {
  name: "start-tests-over",
  text: `insert into test_step (run_id, step_idx, asked_fence, start_over) values ($1, $2, $3, true)
    on conflict (run_id, step_idx) do update set asked_fence = excluded.asked_fence, start_over = true`,
};
const COUNT_IDLE: Statement = {
  name: "count-idle-ends",
  text: `insert into test_step as s (run_id, step_idx, idle_attempt, idle_ends) values ($1, $2, $3, 1)
    on conflict (run_id, step_idx) do update set idle_attempt = excluded.idle_attempt,
      idle_ends = case when s.idle_attempt = excluded.idle_attempt - 1 then s.idle_ends else 0 end + 1`,
};

interface DecidedRun {
  readonly run: { readonly state: { readonly id: string } };
  readonly delta: RunDelta;
}

/** @returns by run, the events that tell of it */
export async function storeTestsChanges(
  transaction: Transaction,
  decided: readonly DecidedRun[],
  now: Date,
): Promise<ReadonlyMap<string, readonly RunEventDraft[]>> {
  const told = new Map<string, RunEventDraft[]>();
  for (const { run, delta } of decided) {
    for (const change of delta.tests) {
      const moved = await storeChange(transaction, run.state.id, change, now);
      const before = told.get(run.state.id) ?? [];
      told.set(run.state.id, [...before, ...moved.map((test) => testEvent(change.step, test, null))]);
    }
  }
  return told;
}

async function storeChange(
  transaction: Transaction,
  runId: string,
  { step, change, attempt, fence, reason }: TestsChange,
  now: Date,
): Promise<MovedTest[]> {
  if (change === "CLOSE") return await transaction.query(CLOSE, [runId, step, JSON.stringify(reason), now]);
  if (change === "START_OVER") await transaction.query(START_OVER, [runId, step, fence]);
  if (change === "LEAVE_UNDONE") await transaction.query(COUNT_IDLE, [runId, step, attempt]);
  const released = await transaction.query<MovedTest>(RELEASE, [runId, step, now]);
  if (change !== "RERUN") return released;
  return [...released, ...(await transaction.query<MovedTest>(QUEUE_FAILED, [runId, step, now]))];
}

/** Takes back what a lease was given, except what its runner says it executes. */
export async function releaseOtherTests(
  transaction: Transaction,
  { runId, step, fence }: { readonly runId: string; readonly step: number; readonly fence: number },
  running: readonly number[],
  now: Date,
): Promise<MovedTest[]> {
  return await transaction.query<MovedTest>(RELEASE_OTHERS, [runId, step, now, fence, running]);
}

export function testEvent(
  step: number,
  { test, key, status, attempt }: MovedTest,
  actorId: string | null,
): RunEventDraft {
  return { type: "TestStatusChanged", payload: { step, test, key, status, attempt }, actorId };
}
