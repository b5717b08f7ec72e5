import type { TestTally } from "../domain/tests.ts";
import { TEST_OBSTACLES } from "../domain/tests.ts";
import type { Queryable, Statement } from "./queries/queryable.ts";

/** What a test step was asked for, and how its tests stand altogether. */

export interface TestStepRow {
  readonly testSuite: string | null;
  readonly releaseIds: readonly string[];
  readonly configuration: Readonly<Record<string, unknown>>;
  readonly askedFence: number;
  readonly discoveredFence: number;
  readonly startOver: boolean;
  readonly testCount: number;
}

const NOTHING_ASKED: TestStepRow = {
  testSuite: null,
  releaseIds: [],
  configuration: {},
  askedFence: -1,
  discoveredFence: -1,
  startOver: false,
  testCount: 0,
};

const READ: Statement = {
  name: "read-test-step",
  text: `select test_suite as "testSuite", release_ids as "releaseIds", configuration, asked_fence as "askedFence",
      discovered_fence as "discoveredFence", start_over as "startOver", test_count as "testCount"
    from test_step where run_id = $1 and step_idx = $2`,
};
/** A waiver that is over counts no more; which tests are waived is only looked up where it matters. */
const TALLY: Statement = {
  name: "tally-tests",
  text: `select count(*)::integer as total, count(*) filter (where t.status in ('QUEUED', 'RUNNING'))::integer as open,
      count(*) filter (where t.obstacle and not t.waived)::integer as failing,
      count(*) filter (where t.rejected and not t.waived)::integer as rejected,
      coalesce((select s.asked_fence >= $4 from test_step s where s.run_id = $1 and s.step_idx = $2), false)
        as "toDiscover",
      case when bool_or(t.fence = $4 and t.status not in ('QUEUED', 'RUNNING')) then 0
        else 1 + coalesce((select s.idle_ends from test_step s
          where s.run_id = $1 and s.step_idx = $2 and s.idle_attempt = $5::integer - 1), 0) end as "idleEnds"
    from (
      select t.status, t.fence, t.obstacle, t.rejected, (t.obstacle or t.rejected) and exists (
          select from test_case c where c.id = t.case_id and c.waived_at is not null
            and (c.waived_until is null or c.waived_until > $3)) as waived
      from (
        select t.status, t.fence, t.case_id, t.status in (${TEST_OBSTACLES.map((status) => `'${status}'`).join(", ")}) as obstacle,
          t.status in ('PASSED', 'SKIPPED') and coalesce(t.review_status = 'REJECTED', false) as rejected
        from test_run t where t.run_id = $1 and t.step_idx = $2 and not t.gone
      ) t
    ) t`,
};
const ASK: Statement = {
  name: "ask-test-step",
  text: `insert into test_step as s (run_id, step_idx, test_suite, release_ids, configuration, asked_fence,
      discovered_fence, start_over)
    values ($1, $2, $3, $4, $5, $6, $7, $8)
    on conflict (run_id, step_idx) do update set test_suite = excluded.test_suite, release_ids = excluded.release_ids,
      configuration = excluded.configuration, asked_fence = excluded.asked_fence,
      discovered_fence = excluded.discovered_fence, start_over = excluded.start_over`,
};

export async function readTestStep(source: Queryable, runId: string, step: number): Promise<TestStepRow> {
  const [row] = await source.query<TestStepRow>(READ, [runId, step]);
  return row ?? NOTHING_ASKED;
}

/** Whether the next lease, or the present one, has to discover. */
export function isUndiscovered({ askedFence, discoveredFence }: TestStepRow): boolean {
  return discoveredFence <= askedFence;
}

export interface TalliedLease {
  readonly runId: string;
  readonly step: number;
  /** What is asked since the lease of that number began is still to be done. */
  readonly fence: number;
  /** Number of the step's attempt under that lease. */
  readonly attempt: number;
}

export async function tallyTests(
  source: Queryable,
  { runId, step, fence, attempt }: TalliedLease,
  allowEmpty: boolean,
  now: Date,
): Promise<TestTally> {
  const [row] = await source.query<Omit<TestTally, "allowEmpty">>(TALLY, [runId, step, now, fence, attempt]);
  return { ...row!, allowEmpty };
}

export async function storeTestStep(
  source: Queryable,
  runId: string,
  step: number,
  row: Omit<TestStepRow, "testCount">,
): Promise<void> {
  const { testSuite, releaseIds, configuration, askedFence, discoveredFence, startOver } = row;
  await source.query(ASK, [
    runId,
    step,
    testSuite,
    releaseIds,
    JSON.stringify(configuration),
    askedFence,
    discoveredFence,
    startOver,
  ]);
}
