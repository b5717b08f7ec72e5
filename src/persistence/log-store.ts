import type { Transaction } from "./database.ts";
import type { LogKey } from "./queries/logs.ts";
import type { Queryable, Statement } from "./queries/queryable.ts";

/** Where a log stands, and whether anyone may still write to it. */
export interface LogState extends LogKey {
  readonly length: number;
  readonly lineCount: number;
  readonly crc32: number;
  readonly sealed: boolean;
  /** It was cut where it became too long. */
  readonly truncated: boolean;
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
  name: "lock-log-parts",
  text: `select run_id as "runId", step_idx as step, fence, part, length, line_count as "lineCount", crc32, sealed,
      truncated, mine, final_length as "finalLength"
    from lock_log_parts($1, $2, $3, $4, $5)`,
};
const APPEND: Statement = {
  name: "append-log-parts",
  text: `select append_log_parts($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)`,
};
const STATE_LENGTHS: Statement = {
  name: "state-log-lengths",
  text: `insert into log_stream as l (run_id, step_idx, fence, part, length, line_count, crc32, sealed, final_length)
    select d.run_id, d.idx, d.fence, d.part, 0, 0, 0, d.length = 0, d.length
    from unnest($1::uuid[], $2::integer[], $3::integer[], $4::integer[], $5::integer[])
      d(run_id, idx, fence, part, length)
    order by 1, 2, 3, 4
    on conflict (run_id, step_idx, fence, part) do update
      set final_length = excluded.final_length, sealed = l.sealed or l.length >= excluded.final_length`,
};

function keyColumns(keys: readonly LogKey[]): unknown[][] {
  return [
    keys.map(({ runId }) => runId),
    keys.map(({ step }) => step),
    keys.map(({ fence }) => fence),
    keys.map(({ part }) => part),
  ];
}

/** Locks logs, making them on their first bytes. Logs of leases that never were are missing in the answer. */
export async function lockLogs(
  transaction: Transaction,
  session: string,
  keys: readonly LogKey[],
): Promise<LogState[]> {
  return await transaction.query<LogState>(LOCK, [...keyColumns(keys), session]);
}

/** Appends chunks and moves their logs on; the caller holds the logs' locks. */
export async function appendChunks(
  transaction: Transaction,
  chunks: readonly LogChunk[],
  logs: readonly LogState[],
): Promise<void> {
  await transaction.query(APPEND, [
    ...keyColumns(chunks),
    chunks.map(({ byteOffset }) => byteOffset),
    chunks.map(({ lineOffset }) => lineOffset),
    chunks.map(({ lineCount }) => lineCount),
    chunks.map(({ data }) => data),
    ...keyColumns(logs),
    logs.map(({ length }) => length),
    logs.map(({ lineCount }) => lineCount),
    logs.map(({ crc32 }) => crc32),
    logs.map(({ sealed }) => sealed),
    logs.map(({ truncated }) => truncated),
  ]);
}

/** How long the logs of parts will be, of which no attempt says it. Those that are that long are complete. */
export async function stateLogLengths(
  source: Queryable,
  logs: readonly (LogKey & { readonly length: number })[],
): Promise<void> {
  if (logs.length === 0) return;
  await source.query(STATE_LENGTHS, [...keyColumns(logs), logs.map(({ length }) => length)]);
}
