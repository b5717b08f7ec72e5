import type { MissedRuns } from "../../domain/triggers.ts";
import type { Queryable, Statement } from "./queryable.ts";

/** What the runs of a schedule are started with. */
export interface ScheduleOptions {
  readonly inputs: Readonly<Record<string, unknown>>;
  readonly payload: unknown;
  readonly envVars: readonly { readonly key: string; readonly value: string }[];
  readonly labels: Readonly<Record<string, string>>;
  readonly branch: string | null;
  readonly message: string | null;
}

/** What its owner decides about a schedule. */
export interface ScheduleSettings {
  readonly name: string;
  readonly cron: string;
  readonly timeZone: string;
  readonly missedRuns: MissedRuns;
  readonly enabled: boolean;
  readonly options: ScheduleOptions;
}

export interface ScheduleRecord extends ScheduleSettings {
  readonly id: string;
  readonly projectId: string;
  readonly workflowId: string;
  readonly nextAt: Date | null;
  readonly lastFiredAt: Date | null;
  readonly lastRunId: string | null;
  readonly lastError: string | null;
  readonly revision: number;
  readonly createdBy: string;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

/** Schedules of these projects, or of one workflow in them. */
export interface TriggerScope {
  readonly projectIds: readonly string[];
  readonly workflowId: string | null;
}

export interface NamePosition {
  readonly name: string;
  readonly id: string;
}

export const SCHEDULE_COLUMNS = `id, project_id as "projectId", workflow_id as "workflowId", name, cron,
  time_zone as "timeZone", missed_runs as "missedRuns", enabled, options, next_at as "nextAt",
  last_fired_at as "lastFiredAt", last_run_id as "lastRunId", last_error as "lastError", revision,
  created_by as "createdBy", created_at as "createdAt", updated_at as "updatedAt"`;
const FIND: Statement = {
  name: "find-schedules",
  text: `select ${SCHEDULE_COLUMNS} from schedule where id = any ($1)`,
};
const LIST: Statement = {
  name: "list-schedules",
  text: `select ${SCHEDULE_COLUMNS} from schedule
    where project_id = any ($1) and ($2::uuid is null or workflow_id = $2) and (name, id) > ($3, $4)
    order by name, id limit $5`,
};
const COUNT: Statement = {
  name: "count-schedules",
  text: `select count(*)::integer as count from (
    select from schedule where project_id = any ($1) and ($2::uuid is null or workflow_id = $2) limit $3) matching`,
};

/** Before every key, so that the first page starts after the empty name. */
const LOWEST_KEY = "00000000-0000-0000-0000-000000000000";

export async function findSchedules(source: Queryable, ids: readonly string[]): Promise<ScheduleRecord[]> {
  return await source.query<ScheduleRecord>(FIND, [ids]);
}

export async function listSchedules(
  source: Queryable,
  { projectIds, workflowId }: TriggerScope,
  after: NamePosition | null,
  limit: number,
): Promise<ScheduleRecord[]> {
  const values = [projectIds, workflowId, after?.name ?? "", after?.id ?? LOWEST_KEY, limit];
  return await source.query<ScheduleRecord>(LIST, values);
}

export async function countSchedules(
  source: Queryable,
  { projectIds, workflowId }: TriggerScope,
  cap: number,
): Promise<number> {
  const [row] = await source.query<{ count: number }>(COUNT, [projectIds, workflowId, cap]);
  return row!.count;
}
