import type { Transaction } from "./database.ts";
import { orphaning } from "./orphan-blobs.ts";
import type { Queryable, Statement } from "./queries/queryable.ts";

/** Runs that are deleted: hidden first, then marked, then gone. */

const HIDE: Statement = {
  name: "hide-run",
  text: "update workflow_run set deleted_at = $2 where id = $1",
};
/** The mark takes the place of the run's last event, which says that it was deleted. */
const MARK: Statement = {
  name: "mark-deleted-run",
  text: `insert into run_tombstone (run_id, project_id, seq, actor_id, at)
    select id, project_id, last_seq, $2, $3 from workflow_run where id = $1
    on conflict (run_id) do nothing`,
};
/** A run whose parent is still to be told how it ended stays until it was. */
const TO_PURGE: Statement = {
  name: "runs-to-purge",
  text: `select r.id from workflow_run r where r.deleted_at is not null and r.open_steps = 0
      and not exists (select from run_signal s
        where s.kind = 'CHILD_FINISHED' and (s.payload ->> 'childRunId')::uuid = r.id)
    order by r.deleted_at limit $1`,
};
const FORGET_MARKS: Statement = {
  name: "forget-tombstones",
  text: "delete from run_tombstone where at <= $1",
};

export async function hideRun(transaction: Transaction, runId: string, now: Date): Promise<void> {
  await transaction.query(HIDE, [runId, now]);
}

export async function markDeleted(
  transaction: Transaction,
  runId: string,
  actorId: string,
  now: Date,
): Promise<void> {
  await transaction.query(MARK, [runId, actorId, now]);
}

export async function runsToPurge(source: Queryable, limit: number): Promise<string[]> {
  return (await source.query<{ id: string }>(TO_PURGE, [limit])).map(({ id }) => id);
}

/**
 * What belongs to a run, by table and the column that names the run, with the keys of its blobs where it has some; the
 * run itself comes last. Nobody may add to a
 * log whose attempt is gone: logs go well after the attempts, streams before chunks, and so nothing stays behind.
 */
const PARTS: readonly (readonly [table: string, column: string, blobKeys?: string])[] = [
  ["step_attempt", "run_id"],
  ["test_attempt", "run_id"],
  ["test_review", "run_id"],
  ["test_run", "run_id"],
  ["test_step", "run_id"],
  ["step_result", "run_id"],
  ["approval_decision", "run_id"],
  ["approval", "run_id"],
  ["step_run", "run_id"],
  ["stage_run", "run_id"],
  ["run_event", "run_id"],
  ["log_stream", "run_id", "array[blob_key]"],
  ["log_chunk", "run_id"],
  ["artifact", "run_id", "array[blob_key]"],
  ["log_file", "run_id", "blob_keys"],
  ["workflow_run_input", "run_id"],
  ["workflow_run", "id"],
];
/** Few enough that no statement holds the disk or its locks for long. */
const PURGE_ROWS = 2_000;

/**
 * Removes the rows of a hidden run, piece by piece; stopped half-way, the rest goes the next time. Its blobs are noted
 * in the commits that remove their rows: they belong to nobody then.
 */
export async function purgeRun(source: Queryable, runId: string): Promise<void> {
  for (const [table, column, blobKeys] of PARTS) {
    const remove = `delete from ${table} where ${column} = $1 and (tableoid, ctid) in (
        select tableoid, ctid from ${table} where ${column} = $1 limit ${PURGE_ROWS})`;
    const text =
      blobKeys === undefined
        ? `${remove} returning true as gone`
        : `with gone as (${remove} returning ${blobKeys} as keys),
            noted as (${orphaning("select unnest(keys) as key from gone")})
          select true as gone from gone`;
    let gone = PURGE_ROWS;
    while (gone === PURGE_ROWS) {
      gone = (await source.query({ name: `purge-${table}`, text }, [runId])).length;
    }
  }
}

export async function forgetTombstones(source: Queryable, before: Date): Promise<void> {
  await source.query(FORGET_MARKS, [before]);
}
