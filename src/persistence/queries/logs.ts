import type { Queryable, Statement } from "./queryable.ts";

/** The log of one attempt of a step, and how much of it there is. */
export interface LogHead {
  readonly attempt: number;
  readonly fence: number;
  /** Bytes stored so far. */
  readonly length: number;
  /** The attempt has ended. */
  readonly ended: boolean;
  /** Bytes that there will be in the end; null while that is not known, or when it never will be. */
  readonly finalLength: number | null;
  /** Nobody is left who could send the rest. */
  readonly abandoned: boolean;
  /** Another attempt follows, or may follow. */
  readonly nextAttempt: number | null;
}

export interface ChunkRecord {
  readonly byteOffset: number;
  readonly lineOffset: number;
  readonly data: Buffer;
}

/** The running attempt is read from its step, an ended one from its own row. */
const HEAD: Statement = {
  name: "log-head",
  text: `with attempt as (
      select a.number, a.fence, true as ended, a.log_length, a.runner_id, a.finished_at
      from step_attempt a where a.run_id = $1 and a.step_idx = $2 and a.number = $3
      union all
      select s.attempt, s.fence, false, null, null, null from step_run s
      where s.run_id = $1 and s.idx = $2 and s.attempt = $3 and s.status in ('RUNNING', 'CANCELING')
    )
    select a.number as attempt, a.fence, coalesce(l.length, 0) as length, a.ended, a.log_length as "finalLength",
      a.ended and (a.log_length is null or not exists (
        select from runner_session n where n.runner_id = a.runner_id and not n.dead and n.lease_until > $4
          and n.created_at <= a.finished_at)) as abandoned,
      case when s.attempt > a.number or (a.ended and s.finished_at is null) then a.number + 1 end as "nextAttempt"
    from attempt a
    join step_run s on s.run_id = $1 and s.idx = $2
    left join log_stream l on l.run_id = $1 and l.step_idx = $2 and l.fence = a.fence
    limit 1`,
};
const CHUNKS: Statement = {
  name: "log-chunks",
  text: `select byte_offset as "byteOffset", line_offset as "lineOffset", data from log_chunk
    where run_id = $1 and step_idx = $2 and fence = $3 and byte_offset >= coalesce((
      select max(byte_offset) from log_chunk where run_id = $1 and step_idx = $2 and fence = $3 and byte_offset <= $4), 0)
    order by byte_offset limit $5`,
};

export async function logHead(
  source: Queryable,
  runId: string,
  step: number,
  attempt: number,
  now: Date,
): Promise<LogHead | null> {
  const [row] = await source.query<LogHead>(HEAD, [runId, step, attempt, now]);
  return row ?? null;
}

/** Chunks from the one that holds the byte at `offset` on. */
export async function logChunks(
  source: Queryable,
  log: { readonly runId: string; readonly step: number; readonly fence: number },
  offset: number,
  limit: number,
): Promise<ChunkRecord[]> {
  return await source.query<ChunkRecord>(CHUNKS, [log.runId, log.step, log.fence, offset, limit]);
}
