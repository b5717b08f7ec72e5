import type { TestRegression, TestReviewStatus, TestRunStatus } from "../../domain/tests.ts";
import type { LogKey } from "./logs.ts";
import type { Queryable, Statement } from "./queryable.ts";
import type { StoredReason } from "./stored-reason.ts";

/** Where a test stands: its run, its step and its position there. */
export interface TestPlace {
  readonly runId: string;
  readonly step: number;
  readonly index: number;
}

export interface TestRecord extends TestPlace {
  readonly caseId: string;
  readonly key: string;
  readonly name: string;
  readonly suite: string | null;
  readonly file: string | null;
  readonly status: TestRunStatus;
  readonly statusReason: StoredReason | null;
  readonly attempt: number;
  readonly startedAt: Date | null;
  readonly finishedAt: Date | null;
  readonly durationMs: number | null;
  readonly message: string | null;
  readonly regression: TestRegression | null;
  readonly review: {
    readonly status: TestReviewStatus;
    readonly comment: string | null;
    readonly by: string;
    readonly at: string;
    readonly expiresAt: string | null;
  } | null;
  /** When somebody waived it, in any run of the workflow; null when nobody does. */
  readonly waivedAt: Date | null;
  /** Null = for ever. */
  readonly waivedUntil: Date | null;
  /** The newest discovery does not find it any more. */
  readonly gone: boolean;
}

export interface TestAttemptRecord extends TestPlace {
  readonly number: number;
  readonly status: TestRunStatus;
  readonly startedAt: Date | null;
  readonly finishedAt: Date;
  readonly durationMs: number | null;
  readonly exitCode: number | null;
  readonly message: string | null;
  readonly details: string | null;
  readonly stepAttempt: number;
  /** The lease, and the part of its logs, that hold what it wrote. */
  readonly fence: number;
  readonly logPart: number | null;
  readonly logLength: number | null;
  readonly logCrc32: string | null;
}

export const TEST_COLUMNS = `t.run_id as "runId", t.step_idx as step, t.idx as index, t.case_id as "caseId", t.key, t.name,
  t.suite, t.file, t.status, t.status_reason as "statusReason", t.attempt, t.started_at as "startedAt",
  t.finished_at as "finishedAt", t.duration_ms as "durationMs", t.message, t.regression, t.gone,
  case when t.review_status is not null then jsonb_build_object('status', t.review_status,
    'comment', t.review_comment, 'by', t.reviewed_by, 'at', t.reviewed_at, 'expiresAt', t.review_expires_at) end as review,
  c.waived_at as "waivedAt", c.waived_until as "waivedUntil"`;
export const TEST_TABLES = "test_run t join test_case c on c.id = t.case_id";

const FIND: Statement = {
  name: "find-tests",
  text: `select ${TEST_COLUMNS} from unnest($1::uuid[], $2::integer[], $3::integer[]) k(run_id, step_idx, idx)
    join test_run t on t.run_id = k.run_id and t.step_idx = k.step_idx and t.idx = k.idx
    join test_case c on c.id = t.case_id`,
};
const ATTEMPTS: Statement = {
  name: "attempts-of-tests",
  text: `select a.run_id as "runId", a.step_idx as step, a.idx as index, a.number, a.status, a.started_at as "startedAt",
      a.finished_at as "finishedAt", a.duration_ms as "durationMs", a.exit_code as "exitCode", a.message, a.details,
      a.step_attempt as "stepAttempt", a.fence, a.log_part as "logPart", a.log_length as "logLength",
      a.log_crc32 as "logCrc32"
    from unnest($1::uuid[], $2::integer[], $3::integer[]) k(run_id, step_idx, idx)
    join test_attempt a on a.run_id = k.run_id and a.step_idx = k.step_idx and a.idx = k.idx
    order by a.run_id, a.step_idx, a.idx, a.number`,
};

export async function findTests(source: Queryable, places: readonly TestPlace[]): Promise<TestRecord[]> {
  return await source.query<TestRecord>(FIND, keysOf(places));
}

/** Oldest first. One that is being executed has no row yet. */
export async function attemptsOfTests(
  source: Queryable,
  places: readonly TestPlace[],
): Promise<TestAttemptRecord[]> {
  return await source.query<TestAttemptRecord>(ATTEMPTS, keysOf(places));
}

function keysOf(places: readonly TestPlace[]): unknown[] {
  return [places.map(({ runId }) => runId), places.map(({ step }) => step), places.map(({ index }) => index)];
}

/** Whether a waiver holds at a moment. */
export function isWaived(
  { waivedAt, waivedUntil }: Pick<TestRecord, "waivedAt" | "waivedUntil">,
  now: Date,
): boolean {
  return waivedAt !== null && (waivedUntil === null || waivedUntil > now);
}

/** The name of what an execution wrote; null when it wrote nothing. */
export function logOfAttempt({ runId, step, fence, logPart }: TestAttemptRecord): LogKey | null {
  return logPart === null ? null : { runId, step, fence, part: logPart };
}
