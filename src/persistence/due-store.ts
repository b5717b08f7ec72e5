import type { Queryable, Statement } from "./queries/queryable.ts";

/** What time alone makes happen. These reads are hints: everything is checked again under the run's lock. */

const DUE_STEPS: Statement = {
  name: "due-steps",
  text: `select run_id as "runId", idx as step from step_run where due_at <= $1 order by due_at limit $2`,
};
const NEXT_DUE: Statement = {
  name: "next-due-step",
  text: "select min(due_at) as at from step_run where due_at is not null",
};
const EXPIRED_RUNS: Statement = {
  name: "expired-runs",
  text: `select id from workflow_run where finished_at is null and expires_at <= $1 and ending is null
    order by expires_at limit $2`,
};
const ENSURE_PARTITIONS: Statement = {
  name: "ensure-partitions",
  text: "select ensure_run_partitions($1, $2) as created",
};

export async function dueSteps(
  source: Queryable,
  now: Date,
  limit: number,
): Promise<{ readonly runId: string; readonly step: number }[]> {
  return await source.query<{ runId: string; step: number }>(DUE_STEPS, [now, limit]);
}

export async function nextDueStep(source: Queryable): Promise<Date | null> {
  const [row] = await source.query<{ at: Date | null }>(NEXT_DUE, []);
  return row?.at ?? null;
}

export async function expiredRuns(source: Queryable, now: Date, limit: number): Promise<string[]> {
  return (await source.query<{ id: string }>(EXPIRED_RUNS, [now, limit])).map(({ id }) => id);
}

/** @returns how many partitions were made */
export async function ensurePartitions(source: Queryable, from: Date, monthsAhead: number): Promise<number> {
  const [row] = await source.query<{ created: number }>(ENSURE_PARTITIONS, [from, monthsAhead]);
  return row!.created;
}
