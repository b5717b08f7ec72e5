import type { TestResult } from "../domain/test-reports.ts";
import { isTestFailure, regressionOf, type TestEnd } from "../domain/tests.ts";
import type { Transaction } from "./database.ts";
import { stateLogLengths } from "./log-store.ts";
import type { Statement } from "./queries/queryable.ts";
import { KEPT_REVIEW, type MovedTest } from "./test-changes.ts";
import type { TestLease } from "./test-report-store.ts";

/** The end of one execution of a test. */
export interface EndedTest extends TestResult {
  readonly test: number;
  /** It was not handed out but named by a report: its execution is an attempt that nobody had counted yet. */
  readonly imported: boolean;
}

/** Those that end now: handed out under this lease, or imported and not told by it before. */
const ENDING: Statement = {
  name: "ending-tests",
  text: `select t.idx as test, t.key, t.case_id as "caseId", t.attempt + i.imported::integer as attempt, t.failures,
      t.started_at as "startedAt"
    from unnest($3::integer[], $4::boolean[]) i(idx, imported)
    cross join lateral (
      select t.* from test_run t where t.run_id = $1 and t.step_idx = $2 and t.idx = i.idx offset 0
    ) t
    where case when i.imported then t.fence is distinct from $5 else t.status = 'RUNNING' and t.fence = $5 end`,
};
/** By case, how it ended last in an earlier run - of the same branch, where both have one. */
const BEFORE: Statement = {
  name: "earlier-test-results",
  text: `select i.id as "caseId", p.status
    from unnest($1::bigint[]) i(id)
    cross join lateral (
      select t.status from test_run t
      join workflow_run r on r.id = t.run_id and r.deleted_at is null
      where t.case_id = i.id and t.run_id < $2 and t.status in ('PASSED', 'FAILED', 'ERRORED', 'TIMED_OUT')
        and (r.branch = $3::text or r.branch is null or $3::text is null)
      order by t.run_id desc, t.step_idx desc limit 1
    ) p`,
};
const END: Statement = {
  name: "end-tests",
  text: `with ended as materialized (
      select $1::uuid as run_id, $2::integer as step_idx, d.* from jsonb_to_recordset($3) as d(test integer, status test_run_status, number integer,
        failures integer, "startedAt" timestamptz, "durationMs" double precision, "exitCode" integer, message text,
        details text, regression test_regression, "logPart" integer, "logLength" integer, "logCrc32" text)
    ), attempts as (
      insert into test_attempt (run_id, step_idx, idx, number, status, started_at, finished_at, duration_ms, exit_code,
        message, details, step_attempt, fence, log_part, log_length, log_crc32)
      select d.run_id, d.step_idx, d.test, d.number, d.status, d."startedAt", $6, d."durationMs", d."exitCode", d.message, d.details,
        $5, $4, d."logPart", d."logLength", d."logCrc32"
      from ended d
    )
    update test_run t set ${KEPT_REVIEW}, abort_requested = false,
      status = d.status, attempt = d.number, failures = d.failures, fence = $4, seen_fence = $4, gone = false,
      status_reason = case when d.status = 'CANCELED' then t.status_reason end, started_at = d."startedAt",
      finished_at = $6, duration_ms = d."durationMs", message = d.message, regression = d.regression, updated_at = $6
    from ended d where t.run_id = d.run_id and t.step_idx = d.step_idx and t.idx = d.test`,
};

interface Ending {
  readonly test: number;
  readonly key: string;
  readonly caseId: string;
  readonly attempt: number;
  readonly failures: number;
  readonly startedAt: Date | null;
}

export interface EndingContext {
  /** Number of the step's attempt. */
  readonly stepAttempt: number;
  readonly branch: string | null;
}

/** Stores how tests ended. What was told before, or is not this lease's, is left out. */
export async function endTests(
  transaction: Transaction,
  { runId, step, fence }: TestLease,
  { stepAttempt, branch }: EndingContext,
  ended: readonly EndedTest[],
  now: Date,
): Promise<MovedTest[]> {
  if (ended.length === 0) return [];
  const results = new Map(ended.map((end) => [end.test, end]));
  const told = [...results.values()];
  const ending = await transaction.query<Ending>(ENDING, [
    runId,
    step,
    told.map(({ test }) => test),
    told.map(({ imported }) => imported),
    fence,
  ]);
  if (ending.length === 0) return [];
  const cases = ending.map(({ caseId }) => caseId);
  const before = new Map(
    (await transaction.query<{ caseId: string; status: TestEnd }>(BEFORE, [cases, runId, branch])).map(
      ({ caseId, status }) => [caseId, status],
    ),
  );
  const rows = ending.map((test) =>
    endRow(test, results.get(test.test)!, before.get(test.caseId) ?? null, now),
  );
  await transaction.query(END, [runId, step, JSON.stringify(rows), fence, stepAttempt, now]);
  const logs = rows.flatMap(({ logPart: part, logLength: length }) =>
    part === null || length === null ? [] : [{ runId, step, fence, part, length }],
  );
  await stateLogLengths(transaction, logs);
  return ending.map(({ test, key, attempt }) => ({ test, key, attempt, status: results.get(test)!.status }));
}

function endRow(test: Ending, result: EndedTest, before: TestEnd | null, now: Date) {
  const { status, exitCode, message, details, log } = result;
  const startedAt = result.startedAt ?? test.startedAt;
  const measured =
    startedAt === null || result.imported ? null : Math.max(0, now.getTime() - startedAt.getTime());
  return {
    test: test.test,
    number: test.attempt,
    status,
    failures: test.failures + (isTestFailure(status) ? 1 : 0),
    startedAt,
    durationMs: result.durationMs ?? measured,
    exitCode,
    message,
    details,
    regression: regressionOf(status, before, test.failures > 0),
    logPart: log?.part ?? null,
    logLength: log?.length ?? null,
    logCrc32: log?.crc32 ?? null,
  };
}
