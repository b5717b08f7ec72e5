import type { Transaction } from "./database.ts";
import { claimBlobs, orphaning } from "./orphan-blobs.ts";
import type { UploadPlace } from "./queries/log-files.ts";
import type { Queryable, Statement } from "./queries/queryable.ts";

/** A piece of a file whose bytes are in the store. */
export interface StoredPart {
  readonly blobKey: string;
  readonly bytes: number;
}

export interface NewLogFile extends UploadPlace {
  readonly id: string;
  readonly step: number | null;
  readonly part: StoredPart;
}

export interface UnfinishedPart extends NewLogFile {
  /** Where the part belongs. */
  readonly offset: number;
  readonly totalBytes: number | null;
}

const ADD: Statement = {
  name: "add-log-file",
  text: `insert into log_file (id, run_id, step_idx, name, size_bytes, total_bytes, blob_keys, created_at, created_by,
      completed_at)
    values ($1, $2, $3, $4, $5, $6, array[$7], $8, $9, $10)`,
};
const EXTEND: Statement = {
  name: "extend-log-file",
  text: `update log_file set size_bytes = size_bytes + $5, blob_keys = blob_keys || $6::text, created_at = $7
    where run_id = $1 and name = $2 and created_by = $3 and completed_at is null and size_bytes = $4
    returning id`,
};
const COMPLETE: Statement = {
  name: "complete-log-file",
  text: `update log_file set completed_at = $2, created_at = $2, step_idx = $3 where id = $1 and completed_at is null
    returning size_bytes::float8 as "sizeBytes"`,
};
const COUNT: Statement = {
  name: "count-log-files",
  text: "select count(*)::integer as count from log_file where run_id = $1 and completed_at is not null",
};
const DISCARD: Statement = {
  name: "discard-unfinished-log-file",
  text: `with gone as (delete from log_file where run_id = $1 and name = $2 and created_by = $3
      and completed_at is null returning blob_keys)
    ${orphaning("select unnest(blob_keys) as key from gone")}`,
};
const FORGET: Statement = {
  name: "forget-unfinished-uploads",
  text: `with gone as (delete from log_file where completed_at is null and created_at < $1 returning blob_keys)
    ${orphaning("select unnest(blob_keys) as key from gone")}`,
};

export async function addLogFile(transaction: Transaction, file: NewLogFile, now: Date): Promise<void> {
  const { id, runId, step, name, createdBy, part } = file;
  await transaction.query(ADD, [id, runId, step, name, part.bytes, null, part.blobKey, now, createdBy, now]);
  await claimBlobs(transaction, [part.blobKey]);
}

/**
 * Keeps what has come of a file, to be gone on with.
 * @returns false when somebody else sent this part meanwhile
 */
export async function keepPart(transaction: Transaction, file: UnfinishedPart, now: Date): Promise<boolean> {
  const { id, runId, step, name, createdBy, part, offset, totalBytes } = file;
  const place = [runId, name, createdBy];
  if (offset === 0) {
    await transaction.query(DISCARD, place);
    await transaction.query(ADD, [
      id,
      runId,
      step,
      name,
      part.bytes,
      totalBytes,
      part.blobKey,
      now,
      createdBy,
      null,
    ]);
  } else {
    const values = [...place, offset, part.bytes, part.blobKey, now];
    if ((await transaction.query(EXTEND, values)).length === 0) return false;
  }
  await claimBlobs(transaction, [part.blobKey]);
  return true;
}

/** @returns the file's size; null when it is complete or forgotten already */
export async function completeLogFile(
  transaction: Transaction,
  id: string,
  step: number | null,
  now: Date,
): Promise<number | null> {
  const [row] = await transaction.query<{ sizeBytes: number }>(COMPLETE, [id, now, step]);
  return row?.sizeBytes ?? null;
}

export async function countLogFiles(transaction: Transaction, runId: string): Promise<number> {
  const [row] = await transaction.query<{ count: number }>(COUNT, [runId]);
  return row!.count;
}

/** Gives up what nobody went on with. */
export async function forgetUnfinishedUploads(source: Queryable, before: Date): Promise<void> {
  await source.query(FORGET, [before]);
}
