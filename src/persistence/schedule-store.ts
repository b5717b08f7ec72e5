import { type Database, sqlState, type Transaction, UNIQUE_VIOLATION } from "./database.ts";
import type { Queryable, Statement } from "./queries/queryable.ts";
import { SCHEDULE_COLUMNS, type ScheduleRecord, type ScheduleSettings } from "./queries/schedules.ts";

const INSERT: Statement = {
  name: "insert-schedule",
  text: `insert into schedule (id, project_id, workflow_id, name, cron, time_zone, missed_runs, enabled, options,
      next_at, created_by, created_at, updated_at)
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $12)
    on conflict (workflow_id, name) do nothing returning id`,
};
const LOCK: Statement = {
  name: "lock-schedule",
  text: `select ${SCHEDULE_COLUMNS} from schedule where id = $1 for update`,
};
const UPDATE: Statement = {
  name: "update-schedule",
  text: `update schedule set name = $2, cron = $3, time_zone = $4, missed_runs = $5, enabled = $6, options = $7,
      next_at = $8, updated_at = $9, revision = revision + 1 where id = $1`,
};
const DELETE: Statement = { name: "delete-schedule", text: "delete from schedule where id = $1" };
/** Another replica that looks meanwhile takes the next one; the condition is checked again on the locked row. */
const LOCK_DUE: Statement = {
  name: "lock-due-schedule",
  text: `select ${SCHEDULE_COLUMNS} from schedule where enabled and next_at <= $1 and id <> all ($2)
    order by next_at limit 1 for update skip locked`,
};
const NEXT_DUE: Statement = {
  name: "next-due-schedule",
  text: "select min(next_at) as next from schedule where enabled and next_at is not null",
};
const MOVE_ON: Statement = {
  name: "move-schedule-on",
  text: "update schedule set next_at = $2 where id = $1",
};
const NOTE_RUN: Statement = {
  name: "note-scheduled-run",
  text: `update schedule set next_at = $2, last_fired_at = $3, last_run_id = $4, last_error = null where id = $1`,
};
/** Only while it is still as it was when the run was refused. */
const NOTE_REFUSAL: Statement = {
  name: "note-schedule-refusal",
  text: "update schedule set next_at = $4, last_error = $5 where id = $1 and revision = $2 and next_at = $3",
};

export interface NewSchedule extends ScheduleSettings {
  readonly id: string;
  readonly projectId: string;
  readonly workflowId: string;
  readonly nextAt: Date | null;
  readonly createdBy: string;
}

function columnsOf({ name, cron, timeZone, missedRuns, enabled, options }: ScheduleSettings): unknown[] {
  return [name, cron, timeZone, missedRuns, enabled, JSON.stringify(options)];
}

/** @returns false when the workflow has a schedule of that name already */
export async function insertSchedule(
  transaction: Transaction,
  schedule: NewSchedule,
  now: Date,
): Promise<boolean> {
  const { id, projectId, workflowId, nextAt, createdBy } = schedule;
  const values = [id, projectId, workflowId, ...columnsOf(schedule), nextAt, createdBy, now];
  return (await transaction.query(INSERT, values)).length > 0;
}

export async function lockSchedule(transaction: Transaction, id: string): Promise<ScheduleRecord | null> {
  const [row] = await transaction.query<ScheduleRecord>(LOCK, [id]);
  return row ?? null;
}

/** @returns false when another schedule of the workflow has that name; the transaction can only be rolled back then */
export async function updateScheduleRow(
  transaction: Transaction,
  id: string,
  settings: ScheduleSettings,
  nextAt: Date | null,
  now: Date,
): Promise<boolean> {
  try {
    await transaction.query(UPDATE, [id, ...columnsOf(settings), nextAt, now]);
    return true;
  } catch (error) {
    if (sqlState(error) === UNIQUE_VIOLATION) return false;
    throw error;
  }
}

export async function deleteScheduleRow(transaction: Transaction, id: string): Promise<void> {
  await transaction.query(DELETE, [id]);
}

/** The schedule that is due for longest and that nobody else is working on, locked. */
export async function lockDueSchedule(
  transaction: Transaction,
  now: Date,
  except: readonly string[],
): Promise<ScheduleRecord | null> {
  const [row] = await transaction.query<ScheduleRecord>(LOCK_DUE, [now, except]);
  return row ?? null;
}

export async function nextDueSchedule(source: Queryable): Promise<Date | null> {
  const [row] = await source.query<{ next: Date | null }>(NEXT_DUE, []);
  return row!.next;
}

export async function moveScheduleOn(
  transaction: Transaction,
  id: string,
  nextAt: Date | null,
): Promise<void> {
  await transaction.query(MOVE_ON, [id, nextAt]);
}

export async function noteScheduledRun(
  transaction: Transaction,
  id: string,
  nextAt: Date | null,
  run: { readonly id: string; readonly at: Date },
): Promise<void> {
  await transaction.query(NOTE_RUN, [id, nextAt, run.at, run.id]);
}

export async function noteScheduleRefusal(
  database: Database,
  { id, revision, nextAt }: ScheduleRecord,
  next: Date | null,
  message: string,
): Promise<void> {
  await database.query(NOTE_REFUSAL, [id, revision, nextAt, next, message]);
}
