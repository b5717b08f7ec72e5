import { type Bus, noticeKeys } from "../domain/bus.ts";
import type { RunEventType } from "../domain/events.ts";
import { DatabaseAwayError } from "../domain/refusals.ts";
import {
  decodeCursor,
  encodeCursor,
  InvalidCursorError,
  type StreamPosition,
} from "../domain/stream-cursor.ts";
import type { Database } from "../persistence/database.ts";
import {
  deletionEvent,
  type EventRecord,
  eventHead,
  eventsAfter,
  findTombstone,
  readEpoch,
} from "../persistence/queries/events.ts";

export type RunStreamItem =
  | { readonly kind: "EVENT"; readonly cursor: string; readonly event: EventRecord }
  /** History is over; what follows is live. Comes exactly once. */
  | { readonly kind: "CAUGHT_UP"; readonly cursor: string }
  /** The position cannot be continued from; the stream goes on from `cursor`, and what lies before must be reread. */
  | { readonly kind: "RESET"; readonly cursor: string; readonly reason: string };

export interface FollowRun {
  readonly runId: string;
  readonly after: StreamPosition;
  /** Null = all types. */
  readonly types: ReadonlySet<RunEventType> | null;
  /** Ends with the run, or stays until the subscriber leaves. */
  readonly until: "FINISHED" | "DELETED";
}

const PAGE = 500;
/** Without any hint the database is asked this often whether something was missed. */
const LOOK_AGAIN_MS = 1_000;

/**
 * Replays what is stored, then follows what is committed: one cursor, no gap between the two. Each item carries
 * the cursor to resume after it.
 */
export async function* followRun(
  { database, bus }: { readonly database: Database; readonly bus: Bus },
  request: FollowRun,
  signal: AbortSignal,
): AsyncGenerator<RunStreamItem, void, void> {
  const { runId, types, until } = request;
  const listener = bus.listen([noticeKeys.run(runId)]);
  try {
    const cursorAt = await runCursors(database, runId);
    const start = await startOf(database, request);
    if (start.reset !== null) yield { kind: "RESET", cursor: cursorAt(start.seq), reason: start.reset };
    let { seq } = start;
    let caughtUp = false;
    while (!signal.aborted) {
      try {
        const events = await nextEvents(database, runId, seq);
        for (const event of events) {
          seq = event.seq;
          if (types === null || types.has(event.type)) yield { kind: "EVENT", cursor: cursorAt(seq), event };
          if (event.type === "RunDeleted") return;
        }
        if (events.length === PAGE) continue;
        if (!caughtUp) yield { kind: "CAUGHT_UP", cursor: cursorAt(seq) };
        caughtUp = true;
        if (until === "FINISHED" && (await isFinishedAt(database, runId, seq))) return;
      } catch (error) {
        // A restart of the database is only a pause: the position is known.
        if (!(error instanceof DatabaseAwayError)) throw error;
      }
      await listener.heard(LOOK_AGAIN_MS, signal);
    }
  } finally {
    listener.close();
  }
}

/** Makes cursors of a run's events: what a query hands out for a subscription to go on from. */
export async function runCursors(database: Database, runId: string): Promise<(seq: number) => string> {
  const epoch = await readEpoch(database);
  return (seq) => encodeCursor({ epoch, stream: streamOf(runId), position: [seq] });
}

/**
 * The seq behind a cursor, for paging through stored events. There is no reset here: a position that cannot be
 * continued from is refused, and the reader starts anew.
 */
export async function seqOfCursor(
  database: Database,
  run: { readonly id: string; readonly lastSeq: number },
  cursor: string,
): Promise<number> {
  const { epoch, seq } = decodeRunCursor(run.id, cursor);
  if (epoch !== (await readEpoch(database))) throw new InvalidCursorError(RESTORED);
  if (seq > run.lastSeq) throw new InvalidCursorError(BEYOND);
  return seq;
}

const RESTORED = "the database was restored or replaced since";
const BEYOND = "the position lies beyond the newest event";

function decodeRunCursor(runId: string, cursor: string): { epoch: string; seq: number } {
  const decoded = decodeCursor(cursor, streamOf(runId));
  const [seq, ...rest] = decoded?.position ?? [];
  if (decoded === null || seq === undefined || rest.length > 0) {
    throw new InvalidCursorError("this cursor does not belong to this run's events");
  }
  return { epoch: decoded.epoch, seq };
}

function streamOf(runId: string): string {
  return `run ${runId}`;
}

async function startOf(
  database: Database,
  { runId, after }: FollowRun,
): Promise<{ seq: number; reset: string | null }> {
  if (after.kind === "START") return { seq: 0, reset: null };
  const head = ((await eventHead(database, runId)) ?? (await goneHead(database, runId))).lastSeq;
  if (after.kind === "HEAD") return { seq: head, reset: null };
  const { epoch, seq } = decodeRunCursor(runId, after.cursor);
  if (epoch !== (await readEpoch(database))) return { seq: head, reset: RESTORED };
  if (seq > head) return { seq: head, reset: BEYOND };
  return { seq, reset: null };
}

/** The run has ended, all of its events are told, and it was not reopened since. */
async function isFinishedAt(database: Database, runId: string, seq: number): Promise<boolean> {
  const head = await eventHead(database, runId);
  return head?.finished === true && head.lastSeq === seq;
}

/** Of a deleted run, whose events may be gone in part, only its deletion is left to be told. */
async function nextEvents(database: Database, runId: string, seq: number): Promise<EventRecord[]> {
  const events = await eventsAfter(database, runId, seq, PAGE);
  const gap = events.findIndex((event, i) => event.seq !== seq + 1 + i);
  if (events.length > 0 && gap !== 0) return gap === -1 ? events : events.slice(0, gap);
  const tombstone = await findTombstone(database, runId);
  return tombstone === null || tombstone.seq <= seq ? [] : [deletionEvent(tombstone)];
}

/** A position behind the deletion is one that it can only be told to. */
async function goneHead(database: Database, runId: string): Promise<{ lastSeq: number }> {
  const tombstone = await findTombstone(database, runId);
  return { lastSeq: tombstone === null ? 0 : tombstone.seq - 1 };
}
