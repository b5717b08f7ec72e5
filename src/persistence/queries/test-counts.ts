import type { Queryable, Statement } from "./queryable.ts";
import type { StepPlace } from "./steps.ts";

/** How many tests stand where. Tests that discovery no longer finds are not counted. */
export interface TestCounts {
  readonly total: number;
  readonly queued: number;
  readonly running: number;
  readonly passed: number;
  readonly failed: number;
  readonly errored: number;
  readonly skipped: number;
  readonly timedOut: number;
  readonly canceled: number;
  readonly waived: number;
  readonly approved: number;
  readonly rejected: number;
}

export const NO_TESTS: TestCounts = {
  total: 0,
  queued: 0,
  running: 0,
  passed: 0,
  failed: 0,
  errored: 0,
  skipped: 0,
  timedOut: 0,
  canceled: 0,
  waived: 0,
  approved: 0,
  rejected: 0,
};

const of = (status: string) => `count(*) filter (where t.status = '${status}')::integer`;
const reviewed = (status: string) => `count(*) filter (where t.review_status = '${status}')::integer`;
const COUNTS = `count(*)::integer as total, ${of("QUEUED")} as queued, ${of("RUNNING")} as running,
  ${of("PASSED")} as passed, ${of("FAILED")} as failed, ${of("ERRORED")} as errored, ${of("SKIPPED")} as skipped,
  ${of("TIMED_OUT")} as "timedOut", ${of("CANCELED")} as canceled, count(c.id)::integer as waived,
  ${reviewed("APPROVED")} as approved, ${reviewed("REJECTED")} as rejected`;
/** Waivers are few: they are looked up first, not test by test. */
const WAIVED = `left join (
    select c.id from test_case c where c.waived_at is not null and (c.waived_until is null or c.waived_until > $NOW)
  ) c on c.id = t.case_id`;

const OF_STEPS: Statement = {
  name: "test-counts-of-steps",
  text: `select t.run_id as "runId", t.step_idx as index, ${COUNTS}
    from unnest($1::uuid[], $2::integer[]) k(run_id, idx)
    join test_run t on t.run_id = k.run_id and t.step_idx = k.idx and not t.gone
    ${WAIVED.replace("$NOW", "$3::timestamptz")} group by 1, 2`,
};
const OF_RUNS: Statement = {
  name: "test-counts-of-runs",
  text: `select t.run_id as id, ${COUNTS} from test_run t ${WAIVED.replace("$NOW", "$2::timestamptz")}
    where t.run_id = any ($1) and not t.gone group by 1`,
};

/** Steps without tests are missing. */
export async function testCountsOfSteps(
  source: Queryable,
  places: readonly StepPlace[],
  now: Date,
): Promise<(TestCounts & StepPlace)[]> {
  return await source.query(OF_STEPS, [
    places.map(({ runId }) => runId),
    places.map(({ index }) => index),
    now,
  ]);
}

/** Runs without tests are missing. */
export async function testCountsOfRuns(
  source: Queryable,
  runIds: readonly string[],
  now: Date,
): Promise<(TestCounts & { readonly id: string })[]> {
  return await source.query(OF_RUNS, [runIds, now]);
}
