import type { StepRunStatus } from "../domain/statuses.ts";
import type { DiscoveredTest } from "../domain/test-reports.ts";
import type { TestRunStatus } from "../domain/tests.ts";
import type { Transaction } from "./database.ts";
import type { Statement } from "./queries/queryable.ts";
import { AFRESH, type MovedTest } from "./test-changes.ts";

/** Which lease of which step speaks. */
export interface TestLease {
  readonly runId: string;
  readonly step: number;
  readonly fence: number;
}

export interface LockedTestStep {
  readonly workflowId: string;
  readonly branch: string | null;
  readonly lastSeq: number;
  readonly status: StepRunStatus;
  /** Number of the attempt that the lease is; it may not have been reported as started yet. */
  readonly attempt: number;
  readonly type: string;
}

/**
 * Tests are looked up by key, one by one: a plan that was made while the table was small, and is kept as long as its
 * connection, may read all tests of the step for each. So may a join in which run and step are constants, since they alone
 * look selective enough: hence "offset 0", and rows that bring run and step along. (500 results for a step of 8,000
 * tests: 5 s without, measured.)
 */
const LOOK_UP_BY_KEY: Statement = {
  name: "look-up-by-key",
  text: `select set_config(name, value, true) from (values ('enable_seqscan', 'off'), ('enable_hashjoin', 'off'),
    ('enable_mergejoin', 'off'), ('plan_cache_mode', 'force_generic_plan')) s(name, value)`,
};
/** Only the run's row is locked and nothing of it loaded: a run may have 10,000 steps. */
const LOCK: Statement = {
  name: "lock-test-run",
  text: "select from workflow_run where id = $1 for no key update",
};
const STEP: Statement = {
  name: "leased-test-step",
  text: `select r.workflow_id as "workflowId", r.branch, r.last_seq as "lastSeq", s.status,
      s.attempt + (s.started_at is null)::integer as attempt, w.type
    from step_run s
    join workflow_run r on r.id = s.run_id
    join workflow_step w on w.version_id = r.workflow_version_id and w.idx = s.idx
    where s.run_id = $1 and s.idx = $2 and s.fence = $3 and s.session_id is not distinct from $4::bigint`,
};
/** In the order of the keys: two runs of a workflow may come with the same new tests. */
const ADD_CASES: Statement = {
  name: "add-test-cases",
  text: `insert into test_case (workflow_id, key, first_seen_at)
    select $1, k.key, $3 from unnest($2::text[]) k(key)
    left join lateral (
      select c.id from test_case c where c.workflow_id = $1 and c.key = k.key offset 0
    ) c on true
    where c.id is null
    order by k.key
    on conflict (workflow_id, key) do nothing`,
};
/** Compared as rows, because only the index that begins with the key can serve that. */
const KNOWN: Statement = {
  name: "known-tests",
  text: `select t.idx as test, t.key, t.status, t.attempt, t.fence, t.seen_fence as "seenFence"
    from unnest($3::text[]) k(key)
    cross join lateral (
      select t.* from test_run t
      where (t.key, t.run_id, t.step_idx) >= (k.key, $1::uuid, $2::integer)
        and (t.key, t.run_id, t.step_idx) <= (k.key, $1::uuid, $2::integer) offset 0
    ) t`,
};
const ADD: Statement = {
  name: "add-tests",
  text: `insert into test_run (run_id, step_idx, idx, case_id, key, name, suite, file, status, seen_fence, updated_at)
    select $1, $2, d.test, c.id, d.key, d.name, d.suite, d.file, 'QUEUED', $4, $5
    from jsonb_to_recordset($3) as d(test integer, key text, name text, suite text, file text)
    cross join lateral (
      select c.id from test_case c where c.workflow_id = $6 and c.key = d.key offset 0
    ) c`,
};
const COUNT_UP: Statement = {
  name: "count-tests-up",
  text: `insert into test_step as s (run_id, step_idx, test_count) values ($1, $2, $3)
    on conflict (run_id, step_idx) do update set test_count = s.test_count + excluded.test_count`,
};
const SEE: Statement = {
  name: "see-tests",
  text: `with seen as materialized (
      select $1::uuid as run_id, $2::integer as step_idx, d.*
      from jsonb_to_recordset($3) as d(test integer, name text, suite text, file text)
    )
    update test_run t set name = d.name, suite = d.suite, file = d.file, gone = false, seen_fence = $4, updated_at = $5
    from seen d where t.run_id = d.run_id and t.step_idx = d.step_idx and t.idx = d.test`,
};
const QUEUE: Statement = {
  name: "queue-tests",
  text: `with again as materialized (
      select $1::uuid as run_id, $2::integer as step_idx, i.idx from unnest($3::integer[]) i(idx)
    )
    update test_run t set status = 'QUEUED', status_reason = null, gone = false, updated_at = $4, ${AFRESH}
    from again d where t.run_id = d.run_id and t.step_idx = d.step_idx and t.idx = d.idx`,
};
/** What discovery did not find is not looked at by the gate any more, and what of it was open never will be. */
const LOSE_SIGHT: Statement = {
  name: "lose-sight-of-tests",
  text: `with gone as materialized (
      select t.run_id, t.step_idx, t.idx, t.status in ('QUEUED', 'RUNNING') as open from test_run t
      where t.run_id = $1 and t.step_idx = $2 and t.seen_fence is distinct from $3 and not t.gone
    ), hidden as (
      update test_run t set gone = true, updated_at = $4,
        status = case when g.open then 'CANCELED' else t.status end::test_run_status,
        status_reason = case when g.open then $5 else t.status_reason end,
        finished_at = case when g.open then $4 else t.finished_at end
      from gone g where t.run_id = g.run_id and t.step_idx = g.step_idx and t.idx = g.idx
      returning t.idx as test, t.key, t.attempt, t.status, g.open
    )
    select test, key, attempt, status from hidden where open`,
};
const DISCOVERED: Statement = {
  name: "complete-discovery",
  text: `insert into test_step as s (run_id, step_idx, discovered_fence) values ($1, $2, $3)
    on conflict (run_id, step_idx) do update set discovered_fence = $3,
      start_over = s.start_over and s.asked_fence >= $3`,
};
const TAKE: Statement = {
  name: "take-tests",
  text: `with next as materialized (
      select run_id, step_idx, idx from test_run
      where run_id = $1 and step_idx = $2 and status = 'QUEUED' order by idx limit $4
    )
    update test_run t set status = 'RUNNING', attempt = t.attempt + 1, fence = $3, started_at = $5, updated_at = $5,
      abort_requested = false
    from next n where t.run_id = n.run_id and t.step_idx = n.step_idx and t.idx = n.idx
    returning t.idx as test, t.key, t.name, t.suite, t.file, t.attempt, t.status`,
};
const OPEN: Statement = {
  name: "count-open-tests",
  text: `select count(*)::integer as open from test_run
    where run_id = $1 and step_idx = $2 and status in ('QUEUED', 'RUNNING')`,
};
const ABORTS: Statement = {
  name: "tests-to-abort",
  text: `select idx as test from test_run
    where run_id = $1 and step_idx = $2 and status = 'RUNNING' and abort_requested order by idx`,
};
const MOVE_ON: Statement = {
  name: "move-run-on",
  text: "update workflow_run set last_seq = $2, updated_at = $3 where id = $1",
};

/** Locks the step's run. Null when the step is not the session's, under this fence, any more. */
export async function lockTestStep(
  transaction: Transaction,
  { runId, step, fence }: TestLease,
  session: string,
): Promise<LockedTestStep | null> {
  await transaction.query(LOOK_UP_BY_KEY, []);
  await transaction.query(LOCK, [runId]);
  const [row] = await transaction.query<LockedTestStep>(STEP, [runId, step, fence, session]);
  return row ?? null;
}

export interface KnownTest {
  readonly test: number;
  readonly key: string;
  readonly status: TestRunStatus;
  readonly attempt: number;
  readonly fence: number | null;
  readonly seenFence: number | null;
}

export async function knownTests(
  transaction: Transaction,
  { runId, step }: Pick<TestLease, "runId" | "step">,
  keys: readonly string[],
): Promise<Map<string, KnownTest>> {
  const rows = await transaction.query<KnownTest>(KNOWN, [runId, step, keys]);
  return new Map(rows.map((row) => [row.key, row]));
}

/** Adds tests behind the `count` that the step has. @returns their positions */
export async function addTests(
  transaction: Transaction,
  { runId, step, fence }: TestLease,
  { workflowId, count }: { readonly workflowId: string; readonly count: number },
  tests: readonly DiscoveredTest[],
  now: Date,
): Promise<KnownTest[]> {
  if (tests.length === 0) return [];
  const rows = tests.map((test, i) => ({ ...test, test: count + i }));
  await transaction.query(ADD_CASES, [workflowId, tests.map(({ key }) => key), now]);
  await transaction.query(ADD, [runId, step, JSON.stringify(rows), fence, now, workflowId]);
  await transaction.query(COUNT_UP, [runId, step, tests.length]);
  return rows.map(({ test, key }) => ({
    test,
    key,
    status: "QUEUED",
    attempt: 0,
    fence: null,
    seenFence: fence,
  }));
}

export async function seeTests(
  transaction: Transaction,
  { runId, step, fence }: TestLease,
  tests: readonly (DiscoveredTest & { readonly test: number })[],
  now: Date,
): Promise<void> {
  if (tests.length > 0) await transaction.query(SEE, [runId, step, JSON.stringify(tests), fence, now]);
}

export async function queueTests(
  transaction: Transaction,
  { runId, step }: Pick<TestLease, "runId" | "step">,
  tests: readonly number[],
  now: Date,
): Promise<void> {
  if (tests.length > 0) await transaction.query(QUEUE, [runId, step, tests, now]);
}

/** @returns the tests that were open and are gone */
export async function completeDiscovery(
  transaction: Transaction,
  { runId, step, fence }: TestLease,
  now: Date,
): Promise<MovedTest[]> {
  const message = "discovery does not find it any more";
  const reason = JSON.stringify({ code: "REQUESTED", message, actorId: null, at: now });
  const gone = await transaction.query<MovedTest>(LOSE_SIGHT, [runId, step, fence, now, reason]);
  await transaction.query(DISCOVERED, [runId, step, fence]);
  return gone;
}

export interface TakenTest extends MovedTest, DiscoveredTest {}

export async function takeTests(
  transaction: Transaction,
  { runId, step, fence }: TestLease,
  count: number,
  now: Date,
): Promise<TakenTest[]> {
  if (count === 0) return [];
  const taken = await transaction.query<TakenTest>(TAKE, [runId, step, fence, count, now]);
  return taken.sort((one, other) => one.test - other.test);
}

export async function countOpenTests(
  transaction: Transaction,
  { runId, step }: Pick<TestLease, "runId" | "step">,
): Promise<number> {
  const [row] = await transaction.query<{ open: number }>(OPEN, [runId, step]);
  return row!.open;
}

export async function testsToAbort(transaction: Transaction, { runId, step }: TestLease): Promise<number[]> {
  return (await transaction.query<{ test: number }>(ABORTS, [runId, step])).map(({ test }) => test);
}

/** The run's events have gone on; its row is locked. */
export async function moveRunOn(
  transaction: Transaction,
  runId: string,
  lastSeq: number,
  now: Date,
): Promise<void> {
  await transaction.query(MOVE_ON, [runId, lastSeq, now]);
}
