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
  /** The step is leased to the asking session, or its ended attempt was executed by the session's runner. */
  readonly mine: boolean;
  /** What the runner said that the whole log will be; null = it did not say (yet). */
  readonly finalLength: number | null;
  readonly finalCrc32: string | null;
}

export interface LogChunk extends LogKey {
  readonly byteOffset: number;
  readonly lineOffset: number;
  readonly lineCount: number;
  readonly data: Buffer;
}

const OPEN: Statement = {
  name: "open-logs",
  text: `insert into log_stream (run_id, step_idx, fence, length, line_count, crc32, sealed)
    select i.run_id, i.idx, i.fence, 0, 0, 0, false
    from unnest($1::uuid[], $2::integer[], $3::integer[]) i(run_id, idx, fence)
    where exists (select from step_run s
        where s.run_id = i.run_id and s.idx = i.idx and s.fence = i.fence and s.session_id = $4)
      or exists (select from step_attempt a join runner_session n on n.id = $4 and n.runner_id = a.runner_id
        where a.run_id = i.run_id and a.step_idx = i.idx and a.fence = i.fence)
    order by 1, 2, 3 on conflict do nothing`,
};
const LOCK: Statement = {
  name: "lock-logs",
  text: `select l.run_id as "runId", l.step_idx as step, l.fence, l.length, l.line_count as "lineCount",
      l.crc32::float8 as crc32, l.sealed,
      coalesce(s.session_id = $4 or a.runner_id = n.runner_id, false) as mine, a.log_length as "finalLength",
      a.log_crc32 as "finalCrc32"
    from unnest($1::uuid[], $2::integer[], $3::integer[]) i(run_id, idx, fence)
    join log_stream l on l.run_id = i.run_id and l.step_idx = i.idx and l.fence = i.fence
    left join step_run s on s.run_id = l.run_id and s.idx = l.step_idx and s.fence = l.fence
    left join step_attempt a on a.run_id = l.run_id and a.step_idx = l.step_idx and a.fence = l.fence
    left join runner_session n on n.id = $4
    order by 1, 2, 3 for no key update of l`,
};
const ADD_CHUNKS: Statement = {
  name: "add-log-chunks",
  text: `insert into log_chunk (run_id, step_idx, fence, byte_offset, line_offset, line_count, data)
    select * from unnest($1::uuid[], $2::integer[], $3::integer[], $4::integer[], $5::integer[], $6::integer[],
      $7::bytea[])`,
};
const MOVE: Statement = {
  name: "move-logs",
  text: `update log_stream l set length = d.length, line_count = d.line_count, crc32 = d.crc32, sealed = d.sealed
    from unnest($1::uuid[], $2::integer[], $3::integer[], $4::integer[], $5::integer[], $6::bigint[], $7::boolean[])
      d(run_id, idx, fence, length, line_count, crc32, sealed)
    where l.run_id = d.run_id and l.step_idx = d.idx and l.fence = d.fence`,
};

/** Locks logs, making them on their first bytes. Logs of leases that never were are missing in the answer. */
export async function lockLogs(
  transaction: Transaction,
  session: string,
  keys: readonly LogKey[],
): Promise<LogState[]> {
  const values = [
    keys.map(({ runId }) => runId),
    keys.map(({ step }) => step),
    keys.map(({ fence }) => fence),
    session,
  ];
  await transaction.query(OPEN, values);
  return await transaction.query<LogState>(LOCK, values);
}

/** Appends chunks and moves their logs on; the caller holds the logs' locks. */
export async function appendChunks(
  transaction: Transaction,
  chunks: readonly LogChunk[],
  logs: readonly LogState[],
): Promise<void> {
  await transaction.query(ADD_CHUNKS, [
    chunks.map(({ runId }) => runId),
    chunks.map(({ step }) => step),
    chunks.map(({ fence }) => fence),
    chunks.map(({ byteOffset }) => byteOffset),
    chunks.map(({ lineOffset }) => lineOffset),
    chunks.map(({ lineCount }) => lineCount),
    chunks.map(({ data }) => data),
  ]);
  await transaction.query(MOVE, [
    logs.map(({ runId }) => runId),
    logs.map(({ step }) => step),
    logs.map(({ fence }) => fence),
    logs.map(({ length }) => length),
    logs.map(({ lineCount }) => lineCount),
    logs.map(({ crc32 }) => crc32),
    logs.map(({ sealed }) => sealed),
  ]);
}
