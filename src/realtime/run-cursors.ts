import { decodeCursor, encodeCursor, InvalidCursorError } from "../domain/stream-cursor.ts";
import type { Database } from "../persistence/database.ts";
import { readEpoch } from "../persistence/queries/events.ts";

/** Why a position cannot be continued from. */
export const RESTORED = "the database was restored or replaced since";
export const BEYOND = "the position lies beyond the newest event";

/** Makes cursors of a run's events: what a query hands out for a subscription to go on from. */
export async function runCursors(database: Database, runId: string): Promise<(seq: number) => string> {
  const epoch = await readEpoch(database);
  return (seq) => runCursor(epoch, runId, seq);
}

export function runCursor(epoch: string, runId: string, seq: number): string {
  return encodeCursor({ epoch, stream: streamOf(runId), position: [seq] });
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

export function decodeRunCursor(runId: string, cursor: string): { epoch: string; seq: number } {
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
