import { crc32 } from "node:zlib";
import type { Bus } from "../domain/bus.ts";
import { groupBy } from "../domain/group-by.ts";
import { taskKey } from "../domain/task-key.ts";
import type { Database } from "../persistence/database.ts";
import {
  appendChunks,
  type LogChunk,
  type LogKey,
  type LogState,
  lockLogs,
} from "../persistence/log-store.ts";

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

/** 1 GiB: what the log of one attempt may grow to. */
const MAX_LOG_BYTES = 2 ** 30;

/** Appends to many logs in one transaction; answers one result for each append, in order. */
export async function appendLogs(
  { database, bus }: { readonly database: Database; readonly bus: Bus },
  session: string,
  appends: readonly LogAppend[],
): Promise<LogAppendResult[]> {
  const { results, moved } = await database.transaction(async (transaction) => {
    const logs = new Map(
      (await lockLogs(transaction, session, uniqueKeys(appends))).map((log) => [taskKey(log), log]),
    );
    const chunks: LogChunk[] = [];
    const results = appends.map((append): LogAppendResult => {
      const log = logs.get(taskKey(append));
      if (log === undefined) return { offset: 0, outcome: "STALE" };
      const outcome = judge(log, append);
      if (outcome !== "APPENDED") return { offset: log.length, outcome };
      const { chunk, after } = extend(log, append);
      chunks.push(chunk);
      logs.set(taskKey(append), after);
      return { offset: after.length, outcome };
    });
    const moved = [...groupBy(chunks, taskKey).keys()].map((key) => logs.get(key)!);
    if (chunks.length > 0) await appendChunks(transaction, chunks, moved);
    return { results, moved };
  });
  for (const { runId, step, fence } of moved) bus.publish({ topic: "log", runId, step, fence });
  return results;
}

function uniqueKeys(appends: readonly LogAppend[]): LogKey[] {
  return [...groupBy(appends, taskKey).values()].map((group) => group[0]!);
}

/** The log stays open after the step's end until it has the length that its runner announced. */
function judge(log: LogState, { offset, data }: LogAppend): LogAppendOutcome {
  if (!log.mine) return "STALE";
  if (log.sealed) return "SEALED";
  if (offset !== log.length) return "MISMATCH";
  const end = offset + Buffer.byteLength(data);
  return end > Math.min(log.finalLength ?? MAX_LOG_BYTES, MAX_LOG_BYTES) ? "SEALED" : "APPENDED";
}

function extend(
  log: LogState,
  { runId, step, fence, data }: LogAppend,
): { chunk: LogChunk; after: LogState } {
  const bytes = Buffer.from(data);
  const lineCount = countNewlines(bytes);
  const length = log.length + bytes.length;
  return {
    chunk: { runId, step, fence, byteOffset: log.length, lineOffset: log.lineCount, lineCount, data: bytes },
    after: {
      ...log,
      length,
      lineCount: log.lineCount + lineCount,
      crc32: crc32(bytes, log.crc32),
      sealed: log.finalLength === length,
    },
  };
}

function countNewlines(bytes: Buffer): number {
  let count = 0;
  for (let at = bytes.indexOf(10); at !== -1; at = bytes.indexOf(10, at + 1)) count++;
  return count;
}
