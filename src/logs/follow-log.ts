import { type Bus, type Listener, noticeKeys } from "../domain/bus.ts";
import type { Clock } from "../domain/clock.ts";
import { DatabaseAwayError } from "../domain/refusals.ts";
import {
  decodeCursor,
  encodeCursor,
  InvalidCursorError,
  type StreamPosition,
} from "../domain/stream-cursor.ts";
import type { Database } from "../persistence/database.ts";
import { readEpoch } from "../persistence/queries/events.ts";
import {
  type ChunkRecord,
  type LogHead,
  type LogKey,
  logChunks,
  logHead,
} from "../persistence/queries/logs.ts";
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

/**
 * The log of one attempt from a position on, until it is complete or nobody is left who could complete it. It ends
 * without an END when the step has ended and never starts that attempt: there is no such log.
 */
export async function* followLog(
  sources: Sources,
  request: FollowLog,
  signal: AbortSignal,
): AsyncGenerator<LogStreamItem, void, void> {
  const { database, bus, clock } = sources;
  const { runId, step } = request;
  const epoch = await readEpoch(database);
  const start = readStart(request, epoch);
  const listener = new LogListener(bus, request);
  try {
    const attempt = start.attempt ?? (await newestAttempt(database, request));
    const cursorAt = (position: number): string =>
      encodeCursor({ epoch, stream: streamOf(request), position: [attempt, position] });
    let offset: number | null = null;
    let caughtUp = false;
    while (!signal.aborted) {
      try {
        const head = await logHead(database, runId, step, attempt, clock.now());
        if (head !== null && listener.hearOf(head)) continue;
        if (offset === null) {
          const first = firstOffset(start, head?.length ?? 0);
          offset = first.offset;
          if (first.reset !== null) yield { kind: "RESET", cursor: cursorAt(offset), reason: first.reset };
        }
        for await (const read of storedLines(database, request, head, offset)) {
          offset = read.offset;
          if (read.lines.length > 0)
            yield { kind: "LINES", cursor: cursorAt(offset), attempt, lines: read.lines };
        }
        if (!caughtUp) yield { kind: "CAUGHT_UP", cursor: cursorAt(offset) };
        caughtUp = true;
        if (head === null && (await neverStarts(database, request, attempt))) return;
        const truncated = head === null ? null : truncatedEnd(head, offset);
        if (head !== null && truncated !== null) {
          const { nextAttempt } = head;
          yield {
            kind: "END",
            cursor: cursorAt(offset),
            attempt,
            finalOffset: offset,
            truncated,
            nextAttempt,
          };
          return;
        }
      } catch (error) {
        // A restart of the database is only a pause: the position is known.
        if (!(error instanceof DatabaseAwayError)) throw error;
      }
      await listener.heard(signal);
    }
  } finally {
    listener.close();
  }
}

/** Hears of the run, and of the log itself once its fence is known. */
class LogListener {
  readonly #bus: Bus;
  #listener: Listener;
  #fence: number | null = null;

  constructor(bus: Bus, place: FollowLog) {
    this.#bus = bus;
    this.#listener = bus.listen([noticeKeys.run(place.runId)]);
  }

  /** @returns whether that is new: what came before it was not heard, so one has to look again */
  hearOf(log: LogKey): boolean {
    if (this.#fence === log.fence) return false;
    this.#listener.close();
    this.#listener = this.#bus.listen([noticeKeys.run(log.runId), noticeKeys.log(log)]);
    this.#fence = log.fence;
    return true;
  }

  async heard(signal: AbortSignal): Promise<void> {
    await this.#listener.heard(LOOK_AGAIN_MS, signal);
  }

  close(): void {
    this.#listener.close();
  }
}

function streamOf({ runId, step }: FollowLog): string {
  return `log ${runId}.${step}`;
}

interface Start {
  /** Null = the newest one. */
  readonly attempt: number | null;
  /** Null = behind what is stored. */
  readonly offset: number | null;
  readonly reset: string | null;
}

function readStart({ after, attempt, ...place }: FollowLog, epoch: string): Start {
  if (after.kind === "START") return { attempt, offset: 0, reset: null };
  if (after.kind === "HEAD") return { attempt, offset: null, reset: null };
  const decoded = decodeCursor(after.cursor, streamOf({ after, attempt, ...place }));
  const [ofAttempt, offset, ...rest] = decoded?.position ?? [];
  if (decoded === null || ofAttempt === undefined || offset === undefined || rest.length > 0) {
    throw new InvalidCursorError("this cursor does not belong to this step's log");
  }
  if (decoded.epoch !== epoch) {
    return { attempt, offset: 0, reset: "the database was restored or replaced since" };
  }
  if (attempt !== null && attempt !== ofAttempt) {
    throw new InvalidCursorError(`this cursor belongs to attempt ${ofAttempt}`);
  }
  return { attempt: ofAttempt, offset, reset: null };
}

function firstOffset({ offset, reset }: Start, length: number): { offset: number; reset: string | null } {
  if (offset === null) return { offset: length, reset };
  if (offset > length) return { offset: 0, reset: "the position lies beyond the end of the log" };
  return { offset, reset };
}

/** The attempt that runs or ran last; before the first one starts, that one. */
async function newestAttempt(database: Database, { runId, step }: FollowLog): Promise<number> {
  const [found] = await findSteps(database, [{ runId, index: step }]);
  return Math.max(found?.attempt ?? 0, 1);
}

/** The step has ended, or is gone, without having come to that attempt. */
async function neverStarts(
  database: Database,
  { runId, step }: FollowLog,
  attempt: number,
): Promise<boolean> {
  const [found] = await findSteps(database, [{ runId, index: step }]);
  return found === undefined || (found.finishedAt !== null && found.attempt < attempt);
}

/** Whether the log was cut short; null while it goes on. */
function truncatedEnd({ finalLength, abandoned }: LogHead, offset: number): boolean | null {
  if (finalLength !== null && offset >= finalLength) return false;
  return abandoned ? true : null;
}

async function* storedLines(
  database: Database,
  { grep }: FollowLog,
  head: LogHead | null,
  from: number,
): AsyncGenerator<{ lines: LogLine[]; offset: number }, void, void> {
  let offset = from;
  while (head !== null && offset < head.length) {
    const chunks = await logChunks(database, head, offset, CHUNKS);
    const read = readLines(chunks, offset, grep);
    if (read.offset === offset) return;
    offset = read.offset;
    yield read;
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
