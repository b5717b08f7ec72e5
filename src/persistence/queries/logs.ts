import type { Queryable, Statement } from "./queryable.ts";

/**
 * A log. The fence names the attempt from its lease on, before it has a number; part 0 is the step's own log, every
 * other part that of a test execution under the same lease.
 */
export interface LogKey {
  readonly runId: string;
  readonly step: number;
  readonly fence: number;
  readonly part: number;
}

/** What there is of a log, and where it lies. */
export interface StoredLog extends LogKey {
  /** Bytes stored so far; also of a log that was given up since. */
  readonly length: number;
  readonly lineCount: number;
  /** It was cut where it became too long; its last line says so. */
  readonly truncated: boolean;
  /** Its bytes were given up after the time for which logs are kept. */
  readonly dropped: boolean;
  /** Where its bytes are; null = in chunks. */
  readonly blobKey: string | null;
}

/** The log of one attempt of a step, and how much of it there is. */
export interface LogHead extends StoredLog {
  readonly attempt: number;
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

const STORED = `coalesce(l.length, 0) as length, coalesce(l.line_count, 0) as "lineCount",
  coalesce(l.truncated, false) as truncated, coalesce(l.dropped, false) as dropped, l.blob_key as "blobKey"`;

/**
 * The attempts of steps with their logs: the running attempt is read from its step, an ended one from its own row.
 * @param which condition on attempts `a`
 * @param steps the same of steps `s`, as far as it is about the run
 * @param now the parameter that holds the time
 */
function heads({ which, steps, now }: { which: string; steps: string; now: string }): string {
  return `with attempt as (
      select a.run_id, a.step_idx, a.number, a.fence, true as ended, a.log_length, a.runner_id, a.finished_at
      from step_attempt a where ${which}
      union all
      select a.run_id, a.step_idx, a.number, a.fence, false, null, null, null from (
        select s.run_id, s.idx as step_idx, s.attempt as number, s.fence from step_run s
        where ${steps} and s.status in ('RUNNING', 'CANCELING')) a
      where a.number > 0 and ${which}
    )
    select distinct on (a.run_id, a.step_idx, a.number) a.run_id as "runId", a.step_idx as step,
      a.number as attempt, a.fence, 0 as part, ${STORED}, a.ended,
      case when a.ended and l.truncated then l.length else a.log_length end as "finalLength",
      a.ended and (a.log_length is null or not exists (
        select from runner_session n where n.runner_id = a.runner_id and not n.dead and n.lease_until > ${now}
          and n.created_at <= a.finished_at)) as abandoned,
      case when s.attempt > a.number or (a.ended and s.finished_at is null) then a.number + 1 end as "nextAttempt"
    from attempt a
    join step_run s on s.run_id = a.run_id and s.idx = a.step_idx
    left join log_stream l on l.run_id = a.run_id and l.step_idx = a.step_idx and l.fence = a.fence and l.part = 0
    order by a.run_id, a.step_idx, a.number, a.ended desc`;
}

const HEAD: Statement = {
  name: "log-head",
  text: heads({
    which: "a.run_id = $1 and a.step_idx = $2 and a.number = $3",
    steps: "s.run_id = $1 and s.idx = $2",
    now: "$4",
  }),
};
const CHUNKS: Statement = {
  name: "log-chunks",
  text: `select byte_offset as "byteOffset", line_offset as "lineOffset", data from log_chunk
    where run_id = $1 and step_idx = $2 and fence = $3 and part = $4 and byte_offset >= coalesce((
      select max(byte_offset) from log_chunk
      where run_id = $1 and step_idx = $2 and fence = $3 and part = $4 and byte_offset <= $5), 0)
    order by byte_offset limit $6`,
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
  { runId, step, fence, part }: LogKey,
  offset: number,
  limit: number,
): Promise<ChunkRecord[]> {
  return await source.query<ChunkRecord>(CHUNKS, [runId, step, fence, part, offset, limit]);
}

/** A stretch of a log that lies in a blob: whole records. */
export interface BlobStretch {
  readonly blobKey: string;
  readonly byteOffset: number;
  readonly lineOffset: number;
  readonly end: number;
}

const LOG_KEY = "run_id = $1 and step_idx = $2 and fence = $3 and part = $4";
/** `width_bucket` finds the last place at or before the wanted one by bisection. */
const STRETCH: Statement = {
  name: "log-stretch",
  text: `select blob_key as "blobKey", blob_bytes[at] as "byteOffset", blob_lines[at] as "lineOffset",
      coalesce(blob_bytes[at + $6::integer], length) as end
    from log_stream cross join lateral (select width_bucket($5::integer, blob_bytes) as at) place
    where ${LOG_KEY} and blob_key is not null and $5::integer < length`,
};
const OFFSET_OF_LINE: Statement = {
  name: "offset-of-line",
  text: `select coalesce(
      (select blob_bytes[width_bucket($5::integer, blob_lines)] from log_stream
        where ${LOG_KEY} and blob_key is not null),
      (select byte_offset from log_chunk where ${LOG_KEY} and line_offset <= $5
        order by byte_offset desc limit 1), 0) as offset`,
};

/** Some of a log from the last known place at or before `offset` on; null when it is in no blob, or ends there. */
export async function logStretch(
  source: Queryable,
  { runId, step, fence, part }: LogKey,
  offset: number,
  places: number,
): Promise<BlobStretch | null> {
  const [row] = await source.query<BlobStretch>(STRETCH, [runId, step, fence, part, offset, places]);
  return row ?? null;
}

/** A byte at which a record begins, at or before the line that has so many lines before it. */
export async function offsetOfLine(
  source: Queryable,
  { runId, step, fence, part }: LogKey,
  linesBefore: number,
): Promise<number> {
  const [row] = await source.query<{ offset: number }>(OFFSET_OF_LINE, [
    runId,
    step,
    fence,
    part,
    linesBefore,
  ]);
  return row!.offset;
}

const FIND: Statement = {
  name: "find-logs",
  text: `select k.run_id as "runId", k.idx as step, k.fence, k.part, ${STORED}
    from unnest($1::uuid[], $2::integer[], $3::integer[], $4::integer[]) k(run_id, idx, fence, part)
    left join log_stream l
      on l.run_id = k.run_id and l.step_idx = k.idx and l.fence = k.fence and l.part = k.part`,
};

/** Logs by their keys, also those of which there is nothing yet; in no order. */
export async function findLogs(source: Queryable, keys: readonly LogKey[]): Promise<StoredLog[]> {
  return await source.query<StoredLog>(FIND, [
    keys.map(({ runId }) => runId),
    keys.map(({ step }) => step),
    keys.map(({ fence }) => fence),
    keys.map(({ part }) => part),
  ]);
}

const RUN_HEADS: Statement = {
  name: "log-heads-of-runs",
  text: heads({ which: "a.run_id = any ($1)", steps: "s.run_id = any ($1)", now: "$2" }),
};

/** The attempts of runs with their logs, by run, step and number. */
export async function logHeadsOfRuns(
  source: Queryable,
  runIds: readonly string[],
  now: Date,
): Promise<LogHead[]> {
  return await source.query<LogHead>(RUN_HEADS, [runIds, now]);
}

/** Whether nothing is left of these logs because they were given up. */
export function areGone(logs: readonly Pick<StoredLog, "dropped" | "length">[]): boolean {
  return logs.some(({ dropped }) => dropped) && logs.every(({ dropped, length }) => dropped || length === 0);
}
