import type { Transaction } from "./database.ts";
import { claimBlobs, orphaning } from "./orphan-blobs.ts";
import type { LogKey } from "./queries/logs.ts";
import type { Queryable, Statement } from "./queries/queryable.ts";

/** Logs that are complete leave the database, or stay there for good if they are small; old ones go. */

export interface FinishedLog extends LogKey {
  readonly length: number;
}

/**
 * Nobody can add to such a log: it is sealed, or its lease is over and the runner that may have had a rest of it, as
 * long as it lived, is dead. See log_is_open.
 */
const FINISHED: Statement = {
  name: "finished-logs",
  text: `select l.run_id as "runId", l.step_idx as step, l.fence, l.part, l.length
    from log_stream l where not l.settled and (l.sealed or not exists (
      select from step_run s where s.run_id = l.run_id and s.idx = l.step_idx and s.fence = l.fence
        and s.session_id is not null
    ) and not exists (
      select from step_attempt a join runner_session n
        on n.runner_id = a.runner_id and n.created_at <= a.finished_at and not n.dead
      where a.run_id = l.run_id and a.step_idx = l.step_idx and a.fence = l.fence
        and case when l.part > 0 then coalesce(l.final_length > l.length, a.log_length is not null)
          else a.log_length > l.length end
    ))
    order by l.run_id limit $1`,
};
const SETTLE: Statement = {
  name: "settle-logs",
  text: `update log_stream l set settled = true, sealed = true
    from unnest($1::uuid[], $2::integer[], $3::integer[], $4::integer[], $5::integer[])
      d(run_id, idx, fence, part, length)
    where l.run_id = d.run_id and l.step_idx = d.idx and l.fence = d.fence and l.part = d.part
      and l.length = d.length and not l.settled`,
};
const MOVE: Statement = {
  name: "move-log",
  text: `with moved as (
      update log_stream set settled = true, sealed = true, blob_key = $5, blob_bytes = $6, blob_lines = $7
      where run_id = $1 and step_idx = $2 and fence = $3 and part = $4 and length = $8 and not settled and not dropped
      returning true
    ), gone as (
      delete from log_chunk where run_id = $1 and step_idx = $2 and fence = $3 and part = $4
        and exists (select from moved)
    )
    select true as moved from moved`,
};
const OLD: Statement = {
  name: "runs-with-old-logs",
  text: `select distinct l.run_id as "runId" from log_stream l join workflow_run r on r.id = l.run_id
    where not l.dropped and l.run_id < run_id_at($1) and r.open_steps = 0 and r.finished_at < $1 limit $2`,
};
const DROP_BLOBS: Statement = {
  name: "drop-logs",
  text: `with dropped as (
      update log_stream l set dropped = true, settled = true, sealed = true, blob_bytes = null, blob_lines = null,
        blob_key = null
      from (select * from log_stream where run_id = $1 and not dropped for update) before
      where l.run_id = before.run_id and l.step_idx = before.step_idx and l.fence = before.fence
        and l.part = before.part
      returning before.blob_key as key
    ) ${orphaning("select key from dropped")}`,
};
const DROP_CHUNKS: Statement = {
  name: "drop-log-chunks",
  text: "delete from log_chunk where run_id = $1",
};
const DROP_FILES: Statement = {
  name: "drop-log-files",
  text: `with gone as (delete from log_file where run_id = $1 returning blob_keys)
    ${orphaning("select unnest(blob_keys) as key from gone")}`,
};

/** Complete logs that still have to find their place. */
export async function finishedLogs(source: Queryable, limit: number): Promise<FinishedLog[]> {
  return await source.query<FinishedLog>(FINISHED, [limit]);
}

/** Leaves logs where they are, for good. */
export async function settleLogs(source: Queryable, logs: readonly FinishedLog[]): Promise<void> {
  await source.query(SETTLE, [
    logs.map(({ runId }) => runId),
    logs.map(({ step }) => step),
    logs.map(({ fence }) => fence),
    logs.map(({ part }) => part),
    logs.map(({ length }) => length),
  ]);
}

/** Places in a blob at which a record begins. */
export interface BlobPlaces {
  readonly bytes: readonly number[];
  readonly lines: readonly number[];
}

/** Has the log's readers turn to the blob, unless somebody else moved it, or it is gone. */
export async function moveLog(
  transaction: Transaction,
  { runId, step, fence, part, length }: FinishedLog,
  blobKey: string,
  { bytes, lines }: BlobPlaces,
): Promise<void> {
  const moved = await transaction.query(MOVE, [runId, step, fence, part, blobKey, bytes, lines, length]);
  if (moved.length > 0) await claimBlobs(transaction, [blobKey]);
}

/** Runs that ended before a moment, and of which logs are kept. */
export async function runsWithOldLogs(source: Queryable, before: Date, limit: number): Promise<string[]> {
  return (await source.query<{ runId: string }>(OLD, [before, limit])).map(({ runId }) => runId);
}

/** Gives up the logs of a run, and the files that were added to them. What there was of each log stays known. */
export async function dropLogs(transaction: Transaction, runId: string): Promise<void> {
  for (const statement of [DROP_BLOBS, DROP_CHUNKS, DROP_FILES]) await transaction.query(statement, [runId]);
}
