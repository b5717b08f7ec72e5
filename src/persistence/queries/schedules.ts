import type { MissedRuns } from "../../domain/triggers.ts";
import { triggerReads } from "./trigger-lists.ts";

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

export const SCHEDULE_COLUMNS = `id, project_id as "projectId", workflow_id as "workflowId", name, cron,
  time_zone as "timeZone", missed_runs as "missedRuns", enabled, options, next_at as "nextAt",
  last_fired_at as "lastFiredAt", last_run_id as "lastRunId", last_error as "lastError", revision,
  created_by as "createdBy", created_at as "createdAt", updated_at as "updatedAt"`;
export const {
  find: findSchedules,
  list: listSchedules,
  count: countSchedules,
} = triggerReads<ScheduleRecord>("schedule", SCHEDULE_COLUMNS);
