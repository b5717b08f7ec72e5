import type { Queryable } from "./queryable.ts";
import type { RunSelection } from "./run-counts.ts";
import { matchingRuns } from "./run-filter.ts";
import { Values } from "./values.ts";

export const STATS_BUCKETS = ["HOUR", "DAY", "WEEK"] as const;
export type StatsBucket = (typeof STATS_BUCKETS)[number];

export interface RunStatistics {
  /** Null in the row of all runs together. */
  readonly from: Date | null;
  readonly count: number;
  readonly succeeded: number;
  readonly failed: number;
  readonly canceled: number;
  readonly p50DurationMs: number | null;
  readonly p95DurationMs: number | null;
  readonly avgQueuedMs: number | null;
}

const DURATION = "extract(epoch from greatest(r.finished_at - r.started_at, interval '0')) * 1000";

/**
 * How runs ended and how long they took, by when they were made: a row for each span of time with a run, oldest
 * first, at most `limit`, and one for all of them together.
 */
export async function runStatistics(
  source: Queryable,
  { projectIds, filter }: RunSelection,
  by: { readonly bucket: StatsBucket; readonly timeZone: string; readonly limit: number },
): Promise<RunStatistics[]> {
  const values = new Values();
  const bucket = `date_trunc(${values.add(by.bucket.toLowerCase())}::text, r.created_at, ${values.add(by.timeZone)}::text)`;
  const percentile = (share: number) =>
    `round(percentile_cont(${share}) within group (order by ms) filter (where ms is not null))`;
  const text = `select "from", count(*)::integer as count,
      (count(*) filter (where status = 'SUCCEEDED'))::integer as succeeded,
      (count(*) filter (where status in ('FAILED', 'TIMED_OUT')))::integer as failed,
      (count(*) filter (where status = 'CANCELED'))::integer as canceled,
      ${percentile(0.5)} as "p50DurationMs", ${percentile(0.95)} as "p95DurationMs",
      round(avg(queued_ms)) as "avgQueuedMs"
    from (
      select ${bucket} as "from", r.status,
        case when r.finished_at is not null and r.started_at is not null then ${DURATION} end::float8 as ms,
        case when r.queued_at is not null and r.started_at is not null
          then extract(epoch from greatest(r.started_at - r.queued_at, interval '0')) * 1000 end::float8 as queued_ms
      from workflow_run r where ${matchingRuns(projectIds, filter, values, "r")}
    ) matching
    group by grouping sets (("from"), ())
    order by "from" nulls first limit ${values.add(by.limit + 1)}`;
  return await source.query<RunStatistics>({ text }, values.list);
}
