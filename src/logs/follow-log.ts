import { type Bus, noticeKeys } from "../domain/bus.ts";
import type { Clock } from "../domain/clock.ts";
import {
  decodeCursor,
  encodeCursor,
  InvalidCursorError,
  type StreamPosition,
} from "../domain/stream-cursor.ts";
import type { Database } from "../persistence/database.ts";
import { readEpoch } from "../persistence/queries/events.ts";
import { type ChunkRecord, type LogHead, logChunks, logHead } from "../persistence/queries/logs.ts";
import { findSteps } from "../persistence/queries/steps.ts";
import { type LogLine, parseRecord } from "./records.ts";

export type LogStreamItem =
  | {
      readonly kind: "LINES";
      readonly cursor: string;
      readonly attempt: number;
      readonly lines: readonly LogLine[];
    }
  | {
      readonly kind: "END";
      readonly cursor: string;
      readonly attempt: number;
      /** Bytes of the whole log. */
      readonly finalOffset: number;
      /** The runner was lost before it could send everything. */
      readonly truncated: boolean;
      readonly nextAttempt: number | null;
    }
  | { readonly kind: "CAUGHT_UP"; readonly cursor: string }
  | { readonly kind: "RESET"; readonly cursor: string; readonly reason: string };

export interface FollowLog {
  readonly runId: string;
  readonly step: number;
  /** Null = the newest at subscribe; a step that never started is waited for. */
  readonly attempt: number | null;
  readonly after: StreamPosition;
  /** Only lines that contain this text; null = all. */
  readonly grep: string | null;
}

interface Sources {
  readonly database: Database;
  readonly bus: Bus;
  readonly clock: Clock;
}

const CHUNKS = 8;
const LOOK_AGAIN_MS = 1_000;

/** The log of one attempt from a position on, until it is complete or nobody is left who could complete it. */
export async function* followLog(
  sources: Sources,
  request: FollowLog,
  signal: AbortSignal,
): AsyncGenerator<LogStreamItem, void, void> {
  const { database, bus, clock } = sources;
  const { runId, step, grep } = request;
  const epoch = await readEpoch(database);
  const resumed = resumeFrom(request, epoch);
  const attempt = await findAttempt(sources, request, resumed?.attempt ?? request.attempt, signal);
  if (attempt === null) return;
  const cursorAt = (offset: number): string =>
    encodeCursor({ epoch, stream: streamOf(request), position: [attempt, offset] });

  let listener = bus.listen([noticeKeys.run(runId)]);
  let listensTo: number | null = null;
  let offset: number | null = null;
  let caughtUp = false;
  try {
    while (!signal.aborted) {
      const head = await logHead(database, runId, step, attempt, clock.now());
      if (head === null) {
        await listener.heard(LOOK_AGAIN_MS, signal);
        continue;
      }
      if (listensTo !== head.fence) {
        listener.close();
        listener = bus.listen([noticeKeys.run(runId), noticeKeys.log(runId, step, head.fence)]);
        listensTo = head.fence;
        continue;
      }
      if (offset === null) {
        const start = startOf(request, resumed, head, epoch);
        offset = start.offset;
        if (start.reset !== null) yield { kind: "RESET", cursor: cursorAt(offset), reason: start.reset };
      }
      while (offset < head.length) {
        const chunks = await logChunks(database, { runId, step, fence: head.fence }, offset, CHUNKS);
        const read = readLines(chunks, offset, grep);
        if (read.offset === offset) break;
        offset = read.offset;
        if (read.lines.length > 0)
          yield { kind: "LINES", cursor: cursorAt(offset), attempt, lines: read.lines };
      }
      if (!caughtUp) yield { kind: "CAUGHT_UP", cursor: cursorAt(offset) };
      caughtUp = true;
      const complete = head.finalLength !== null && offset >= head.finalLength;
      if (complete || head.abandoned) {
        const { nextAttempt } = head;
        yield {
          kind: "END",
          cursor: cursorAt(offset),
          attempt,
          finalOffset: offset,
          truncated: !complete,
          nextAttempt,
        };
        return;
      }
      await listener.heard(LOOK_AGAIN_MS, signal);
    }
  } finally {
    listener.close();
  }
}

function streamOf({ runId, step }: FollowLog): string {
  return `log ${runId}.${step}`;
}

interface Resumed {
  readonly epoch: string;
  readonly attempt: number;
  readonly offset: number;
}

function resumeFrom(request: FollowLog, epoch: string): Resumed | null {
  if (request.after.kind !== "CURSOR") return null;
  const decoded = decodeCursor(request.after.cursor, streamOf(request));
  const [attempt, offset] = decoded?.position ?? [];
  if (decoded === null || attempt === undefined || offset === undefined) {
    throw new InvalidCursorError("this cursor does not belong to this step's log");
  }
  if (request.attempt !== null && request.attempt !== attempt && decoded.epoch === epoch) {
    throw new InvalidCursorError(`this cursor belongs to attempt ${attempt}`);
  }
  return { epoch: decoded.epoch, attempt, offset };
}

function startOf(
  { after }: FollowLog,
  resumed: Resumed | null,
  { length }: LogHead,
  epoch: string,
): { offset: number; reset: string | null } {
  if (after.kind === "HEAD") return { offset: length, reset: null };
  if (resumed === null) return { offset: 0, reset: null };
  if (resumed.epoch !== epoch) return { offset: 0, reset: "the database was restored or replaced since" };
  if (resumed.offset > length) return { offset: 0, reset: "the position lies beyond the end of the log" };
  return { offset: resumed.offset, reset: null };
}

/** Waits for the step's first start if need be; null when the subscriber left or the step can never start. */
async function findAttempt(
  { database, bus }: Sources,
  { runId, step }: FollowLog,
  attempt: number | null,
  signal: AbortSignal,
): Promise<number | null> {
  if (attempt !== null) return attempt;
  const listener = bus.listen([noticeKeys.run(runId)]);
  try {
    while (!signal.aborted) {
      const [found] = await findSteps(database, [{ runId, index: step }]);
      if (found === undefined) return null;
      if (found.attempt > 0) return found.attempt;
      if (found.finishedAt !== null) return null;
      await listener.heard(LOOK_AGAIN_MS, signal);
    }
    return null;
  } finally {
    listener.close();
  }
}

/** Chunks hold whole records, so a position is always between two of them. */
function readLines(
  chunks: readonly ChunkRecord[],
  offset: number,
  grep: string | null,
): { lines: LogLine[]; offset: number } {
  const lines: LogLine[] = [];
  let end = offset;
  for (const { byteOffset, lineOffset, data } of chunks) {
    const skipped = Math.max(end - byteOffset, 0);
    if (skipped >= data.length && data.length > 0) continue;
    const before = data.subarray(0, skipped).toString("utf8").split("\n").length - 1;
    const records = data.subarray(skipped).toString("utf8").split("\n");
    records.pop();
    records.forEach((record, i) => {
      const line = parseRecord(record, lineOffset + before + i + 1);
      if (grep === null || line.text.includes(grep)) lines.push(line);
    });
    end = byteOffset + data.length;
  }
  return { lines, offset: end };
}
