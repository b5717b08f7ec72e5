import type { Transaction } from "./database.ts";
import type { Statement } from "./queries/queryable.ts";

/** The log of one attempt. The fence names the attempt from its lease on, before it has a number. */
export interface LogKey {
  readonly runId: string;
  readonly step: number;
  readonly fence: number;
}

/** Where a log stands, and whether anyone may still write to it. */
export interface LogState extends LogKey {
  readonly length: number;
  readonly lineCount: number;
  readonly crc32: number;
  readonly sealed: boolean;
  /** The step is leased to the asking session, or was, and the rest of its log is awaited. */
  readonly mine: boolean;
  /** What the runner said that the whole log will be; null = it did not say (yet). */
  readonly finalLength: number | null;
}

export interface LogChunk extends LogKey {
  readonly byteOffset: number;
  readonly lineOffset: number;
  readonly lineCount: number;
  readonly data: Buffer;
}

const LOCK: Statement = {
  name: "lock-logs",
  text: `select run_id as "runId", step_idx as step, fence, length, line_count as "lineCount", crc32, sealed, mine,
      final_length as "finalLength"
    from lock_logs($1, $2, $3, $4)`,
};
const APPEND: Statement = {
  name: "append-logs",
  text: "select append_logs($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
};

/** Locks logs, making them on their first bytes. Logs of leases that never were are missing in the answer. */
export async function lockLogs(
  transaction: Transaction,
  session: string,
  keys: readonly LogKey[],
): Promise<LogState[]> {
  return await transaction.query<LogState>(LOCK, [
    keys.map(({ runId }) => runId),
    keys.map(({ step }) => step),
    keys.map(({ fence }) => fence),
    session,
  ]);
}

/** Appends chunks and moves their logs on; the caller holds the logs' locks. */
export async function appendChunks(
  transaction: Transaction,
  chunks: readonly LogChunk[],
  logs: readonly LogState[],
): Promise<void> {
  await transaction.query(APPEND, [
    chunks.map(({ runId }) => runId),
    chunks.map(({ step }) => step),
    chunks.map(({ fence }) => fence),
    chunks.map(({ byteOffset }) => byteOffset),
    chunks.map(({ lineOffset }) => lineOffset),
    chunks.map(({ lineCount }) => lineCount),
    chunks.map(({ data }) => data),
    logs.map(({ runId }) => runId),
    logs.map(({ step }) => step),
    logs.map(({ fence }) => fence),
    logs.map(({ length }) => length),
    logs.map(({ lineCount }) => lineCount),
    logs.map(({ crc32 }) => crc32),
    logs.map(({ sealed }) => sealed),
  ]);
}
