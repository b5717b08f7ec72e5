import type { Queryable, Statement } from "./queryable.ts";
import { TEST_COLUMNS, TEST_TABLES, type TestPlace, type TestRecord } from "./tests.ts";

/** What is known of tests over many runs. */

export interface HistoryPage {
  readonly workflowId: string;
  readonly key: string;
  /** Behind this one; null = from the newest, or read backward from the oldest. */
  readonly from: TestPlace | null;
  readonly backward: boolean;
  readonly limit: number;
  readonly offset: number;
}

const ofCase = `from ${TEST_TABLES} join workflow_run r on r.id = t.run_id and r.deleted_at is null
  where t.case_id = (select id from test_case where workflow_id = $1 and key = $2)`;
const place = "(t.run_id, t.step_idx, t.idx)";

function historyText(backward: boolean): string {
  const [sign, reading] = backward ? [">", "asc"] : ["<", "desc"];
  return `select ${TEST_COLUMNS} ${ofCase}
    and ($3::uuid is null or ${place} ${sign} ($3::uuid, $4::integer, $5::integer))
    order by t.run_id ${reading}, t.step_idx ${reading}, t.idx ${reading} limit $6 offset $7`;
}

const HISTORY: Statement = { name: "test-history", text: historyText(false) };
const HISTORY_BACKWARD: Statement = { name: "test-history-backward", text: historyText(true) };
const COUNT: Statement = {
  name: "count-test-history",
  text: `select count(*)::integer as count from (select ${ofCase} limit $3) found`,
};

/** One test in the runs of its workflow, newest first. */
export async function testHistory(source: Queryable, page: HistoryPage): Promise<TestRecord[]> {
  const { workflowId, key, from, backward, limit, offset } = page;
  const position = [from?.runId ?? null, from?.step ?? null, from?.index ?? null];
  const statement = backward ? HISTORY_BACKWARD : HISTORY;
  return await source.query<TestRecord>(statement, [workflowId, key, ...position, limit, offset]);
}

export async function countTestHistory(
  source: Queryable,
  workflowId: string,
  key: string,
  cap: number,
): Promise<number> {
  const [row] = await source.query<{ count: number }>(COUNT, [workflowId, key, cap]);
  return row!.count;
}

/** Which tests are summed up: of runs made since then. */
export interface TestSpan {
  readonly projectIds: readonly string[];
  readonly workflowIds: readonly string[] | null;
  readonly since: Date;
  readonly limit: number;
}

export interface TestSummaryRecord {
  readonly workflowId: string;
  readonly key: string;
  /** How often it ended PASSED, FAILED, ERRORED or TIMED_OUT: runs, not attempts. */
  readonly runs: number;
  readonly failedRuns: number;
  /** Runs in which it passed after it had failed. */
  readonly flakyRuns: number;
  readonly averageMs: number | null;
  readonly maxMs: number | null;
  readonly newest: TestPlace;
}

/** Run ids sort by time: the bound lets partitions of earlier months alone. */
const summary = (having: string, order: string) => `select c.workflow_id as "workflowId", c.key, s.*
  from (
    select t.case_id, count(*)::integer as runs,
      count(*) filter (where t.status <> 'PASSED')::integer as "failedRuns",
      count(*) filter (where t.regression = 'FLAKY')::integer as "flakyRuns",
      avg(t.duration_ms) as "averageMs", max(t.duration_ms) as "maxMs",
      (array_agg(json_build_object('runId', t.run_id, 'step', t.step_idx, 'index', t.idx)
        order by t.run_id desc, t.step_idx desc))[1] as newest
    from test_run t join workflow_run r on r.id = t.run_id and r.deleted_at is null
    where t.run_id >= run_id_at($3) and r.project_id = any ($1) and ($2::uuid[] is null or r.workflow_id = any ($2))
      and t.status in ('PASSED', 'FAILED', 'ERRORED', 'TIMED_OUT') and not t.gone
    group by t.case_id having ${having}
  ) s join test_case c on c.id = s.case_id
  order by ${order}, c.key limit $4`;
const FLAKY: Statement = {
  name: "flaky-tests",
  text: summary("bool_or(t.regression = 'FLAKY')", `s."flakyRuns" desc, s."failedRuns" desc`),
};
const SLOWEST: Statement = {
  name: "slowest-tests",
  text: summary("max(t.duration_ms) is not null", `s."averageMs" desc`),
};

export async function flakyTests(source: Queryable, span: TestSpan): Promise<TestSummaryRecord[]> {
  return await source.query<TestSummaryRecord>(FLAKY, spanValues(span));
}

export async function slowestTests(source: Queryable, span: TestSpan): Promise<TestSummaryRecord[]> {
  return await source.query<TestSummaryRecord>(SLOWEST, spanValues(span));
}

function spanValues({ projectIds, workflowIds, since, limit }: TestSpan): unknown[] {
  return [projectIds, workflowIds, since, limit];
}

export const TEST_CHANGES = ["NEW_FAILURE", "FIXED", "STILL_FAILING", "ADDED", "REMOVED"] as const;
export type TestChange = (typeof TEST_CHANGES)[number];

export interface TestDifference {
  readonly change: TestChange;
  readonly key: string;
  /** How many differ in this way in all. */
  readonly count: number;
  readonly base: TestPlace | null;
  readonly head: TestPlace | null;
}

/** A test that stands in several steps is looked at in the last of them. */
const sideOf = (parameter: string) => `select distinct on (t.case_id) t.case_id, t.key,
    t.status in ('FAILED', 'ERRORED', 'TIMED_OUT') as failed, t.status = 'PASSED' as passed,
    json_build_object('runId', t.run_id, 'step', t.step_idx, 'index', t.idx) as place
  from test_run t where t.run_id = ${parameter} and not t.gone order by t.case_id, t.step_idx desc`;
const COMPARE: Statement = {
  name: "compare-tests",
  text: `with differing as (
      select coalesce(h.key, b.key) as key, b.place as base, h.place as head,
        case when b.case_id is null and not h.failed then 'ADDED' when h.case_id is null then 'REMOVED'
          when h.failed and coalesce(b.failed, false) then 'STILL_FAILING' when h.failed then 'NEW_FAILURE'
          when b.failed and h.passed then 'FIXED' end as change
      from (${sideOf("$1")}) b full join (${sideOf("$2")}) h on h.case_id = b.case_id
    ), ranked as (
      select d.*, row_number() over (partition by d.change order by d.key) as place,
        count(*) over (partition by d.change)::integer as count
      from differing d where d.change is not null
    )
    select change, key, count, base, head from ranked where place <= $3 order by change, place`,
};

/** How the tests of one run differ from those of another, by key; at most `limit` of each kind. */
export async function compareTests(
  source: Queryable,
  baseId: string,
  headId: string,
  limit: number,
): Promise<TestDifference[]> {
  return await source.query<TestDifference>(COMPARE, [baseId, headId, limit]);
}
