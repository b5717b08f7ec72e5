import type { Queryable, Statement } from "./queryable.ts";

/** A complete file that somebody added to the logs of a run. */
export interface LogFileRecord {
  readonly id: string;
  readonly runId: string;
  readonly step: number | null;
  readonly name: string;
  readonly sizeBytes: number;
  /** Its bytes in order. */
  readonly blobKeys: readonly string[];
  readonly createdAt: Date;
  readonly createdBy: string;
}

/** What has come of a file whose sending was interrupted. */
export interface UnfinishedFile {
  readonly id: string;
  readonly sizeBytes: number;
  readonly totalBytes: number | null;
}

const COLUMNS = `id, run_id as "runId", step_idx as step, name, size_bytes::float8 as "sizeBytes",
  blob_keys as "blobKeys", created_at as "createdAt", created_by as "createdBy"`;
const OF_RUNS: Statement = {
  name: "log-files-of-runs",
  text: `select ${COLUMNS} from log_file where run_id = any ($1) and completed_at is not null
    order by run_id, created_at, id`,
};
const FIND: Statement = {
  name: "find-log-files",
  text: `select ${COLUMNS} from log_file where id = any ($1) and completed_at is not null`,
};
const UNFINISHED: Statement = {
  name: "find-unfinished-log-file",
  text: `select id, size_bytes::float8 as "sizeBytes", total_bytes::float8 as "totalBytes" from log_file
    where run_id = $1 and name = $2 and created_by = $3 and completed_at is null`,
};

/** The files of runs, oldest first. */
export async function logFilesOfRuns(source: Queryable, runIds: readonly string[]): Promise<LogFileRecord[]> {
  return await source.query<LogFileRecord>(OF_RUNS, [runIds]);
}

export async function findLogFiles(source: Queryable, ids: readonly string[]): Promise<LogFileRecord[]> {
  return await source.query<LogFileRecord>(FIND, [ids]);
}

export interface UploadPlace {
  readonly runId: string;
  readonly name: string;
  readonly createdBy: string;
}

export async function findUnfinishedFile(
  source: Queryable,
  { runId, name, createdBy }: UploadPlace,
): Promise<UnfinishedFile | null> {
  const [row] = await source.query<UnfinishedFile>(UNFINISHED, [runId, name, createdBy]);
  return row ?? null;
}
