import { crc32 } from "node:zlib";
import type { Bus } from "../domain/bus.ts";
import type { Clock } from "../domain/clock.ts";
import { groupBy } from "../domain/group-by.ts";
import { logKey } from "../domain/task-key.ts";
import type { Database } from "../persistence/database.ts";
import { appendChunks, type LogChunk, type LogState, lockLogs } from "../persistence/log-store.ts";
import type { LogKey } from "../persistence/queries/logs.ts";
import { countNewlines, formatRecord } from "./records.ts";

export interface LogAppend extends LogKey {
  /** Where the runner believes that the log ends, in bytes. */
  readonly offset: number;
  /** Whole records, each with its newline. */
  readonly data: string;
}

/**
 * - APPENDED: stored.
 * - MISMATCH: the log ends elsewhere; go on from the offset in the answer.
 * - SEALED: the log is complete, or full; nothing more is taken.
 * - STALE: the step is not, or no longer, the session's.
 */
export type LogAppendOutcome = "APPENDED" | "MISMATCH" | "SEALED" | "STALE";

export interface LogAppendResult {
  readonly offset: number;
  readonly outcome: LogAppendOutcome;
}

/** 1 GiB: what a log may grow to unless the operator says otherwise. */
export const DEFAULT_MAX_LOG_BYTES = 2 ** 30;

interface Appending {
  readonly database: Database;
  readonly bus: Bus;
  readonly clock: Clock;
}

interface Judged {
  readonly result: LogAppendResult;
  readonly chunk: LogChunk | null;
  readonly after: LogState;
}

/**
 * Appends to many logs in one transaction; answers one result for each append, in order. A log that reaches
 * `maxBytes` keeps what fits, says so in a record of its own and is sealed.
 */
export async function appendLogs(
  { database, bus, clock }: Appending,
  session: string,
  appends: readonly LogAppend[],
  maxBytes = DEFAULT_MAX_LOG_BYTES,
): Promise<LogAppendResult[]> {
  const { results, moved } = await database.transaction(async (transaction) => {
    const logs = new Map(
      (await lockLogs(transaction, session, uniqueKeys(appends))).map((log) => [logKey(log), log]),
    );
    const chunks: LogChunk[] = [];
    const results = appends.map((append): LogAppendResult => {
      const log = logs.get(logKey(append));
      if (log === undefined) return { offset: 0, outcome: "STALE" };
      const { result, chunk, after } = judge(log, append, maxBytes, clock);
      if (chunk !== null) chunks.push(chunk);
      logs.set(logKey(append), after);
      return result;
    });
    const moved = [...groupBy(chunks, logKey).keys()].map((key) => logs.get(key)!);
    if (chunks.length > 0) await appendChunks(transaction, chunks, moved);
    return { results, moved };
  });
  for (const { runId, step, fence, part } of moved) bus.publish({ topic: "log", runId, step, fence, part });
  for (const runId of new Set(moved.map(({ runId }) => runId))) bus.publish({ topic: "run-logs", runId });
  return results;
}

function uniqueKeys(appends: readonly LogAppend[]): LogKey[] {
  return [...groupBy(appends, logKey).values()].map((group) => group[0]!);
}

/** The log stays open after the step's end until it has the length that its runner announced. */
function judge(log: LogState, { offset, data }: LogAppend, maxBytes: number, clock: Clock): Judged {
  const refused = (outcome: LogAppendOutcome): Judged => ({
    result: { offset: log.length, outcome },
    chunk: null,
    after: log,
  });
  if (!log.mine) return refused("STALE");
  if (log.sealed) return refused("SEALED");
  if (offset !== log.length) return refused("MISMATCH");
  const bytes = Buffer.from(data);
  const end = offset + bytes.length;
  if (log.finalLength !== null && end > log.finalLength) return refused("SEALED");
  if (end > maxBytes) return cutShort(log, bytes.subarray(0, Math.max(maxBytes - offset, 0)), clock);
  const { chunk, after } = extend(log, bytes);
  return { result: { offset: end, outcome: "APPENDED" }, chunk, after };
}

/** Keeps the whole records that fit, and a last one that tells every reader why there are no more. */
function cutShort(log: LogState, fitting: Buffer, clock: Clock): Judged {
  const kept = fitting.subarray(0, fitting.lastIndexOf(10) + 1);
  const text = `log truncated at ${log.length + kept.length} bytes`;
  const mark = Buffer.from(formatRecord({ at: clock.now(), stream: "system", text, partial: false }));
  const { chunk, after } = extend(log, Buffer.concat([kept, mark]));
  return {
    result: { offset: after.length, outcome: "SEALED" },
    chunk,
    after: { ...after, sealed: true, truncated: true },
  };
}

function extend(log: LogState, data: Buffer): { chunk: LogChunk; after: LogState } {
  const { runId, step, fence, part, length: byteOffset, lineCount: lineOffset } = log;
  const lineCount = countNewlines(data);
  const length = byteOffset + data.length;
  return {
    chunk: { runId, step, fence, part, byteOffset, lineOffset, lineCount, data },
    after: {
      ...log,
      length,
      lineCount: lineOffset + lineCount,
      crc32: crc32(data, log.crc32),
      sealed: log.finalLength === length,
    },
  };
}
