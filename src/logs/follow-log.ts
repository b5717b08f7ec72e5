import { type Bus, type Listener, noticeKeys } from "../domain/bus.ts";
import type { Clock } from "../domain/clock.ts";
import { DatabaseAwayError } from "../domain/refusals.ts";
import { encodeCursor } from "../domain/stream-cursor.ts";
import type { Database } from "../persistence/database.ts";
import { readEpoch } from "../persistence/queries/events.ts";
import { type LogHead, type LogKey, logHead } from "../persistence/queries/logs.ts";
import { findSteps } from "../persistence/queries/steps.ts";
import type { BlobStore } from "../storage/blob-store.ts";
import { type FollowLog, firstOffset, readStart, streamOf } from "./log-start.ts";
import { type StoredPiece, storedPieces } from "./read-log.ts";
import type { LogLine } from "./records.ts";

export type LogStreamItem =
  | {
      readonly kind: "LINES";
      readonly cursor: string;
      readonly attempt: number;
      readonly lines: readonly LogLine[];
    }
  /** These bytes are not kept any more. */
  | {
      readonly kind: "GAP";
      readonly cursor: string;
      readonly attempt: number;
      readonly fromOffset: number;
      readonly toOffset: number;
    }
  | {
      readonly kind: "END";
      readonly cursor: string;
      readonly attempt: number;
      /** Bytes of the whole log. */
      readonly finalOffset: number;
      /** It was too long, or the runner was lost before it could send everything. */
      readonly truncated: boolean;
      readonly nextAttempt: number | null;
    }
  | { readonly kind: "CAUGHT_UP"; readonly cursor: string }
  | { readonly kind: "RESET"; readonly cursor: string; readonly reason: string };

export interface FollowSources {
  readonly database: Database;
  readonly blobs: BlobStore;
  readonly bus: Bus;
  readonly clock: Clock;
}

export const LOOK_AGAIN_MS = 1_000;
/** A filtered stream tells how far it has come at least this often. */
const CHECKPOINT_BYTES = 2 ** 20;

/**
 * The log of one attempt from a position on, until it is complete or nobody is left who could complete it. It ends
 * without an END when the step has ended and never starts that attempt: there is no such log.
 */
export async function* followLog(
  sources: FollowSources,
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
    let told = 0;
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
        for await (const piece of storedPieces(sources, request.grep, head, offset)) {
          offset = piece.offset;
          if (piece.kind === "LINES" && piece.lines.length === 0 && offset - told < CHECKPOINT_BYTES)
            continue;
          told = offset;
          yield toItem(piece, attempt, cursorAt(offset));
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
export function truncatedEnd(
  { length, finalLength, abandoned, truncated }: LogHead,
  offset: number,
): boolean | null {
  if (offset < length) return null;
  if (finalLength !== null && offset >= finalLength) return truncated;
  return abandoned ? true : null;
}

export function toItem(piece: StoredPiece, attempt: number, cursor: string): LogStreamItem {
  return piece.kind === "LINES"
    ? { kind: "LINES", cursor, attempt, lines: piece.lines }
    : { kind: "GAP", cursor, attempt, fromOffset: piece.fromOffset, toOffset: piece.offset };
}
