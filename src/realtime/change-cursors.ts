import { decodeTextCursor, encodeTextCursor, InvalidCursorError } from "../domain/stream-cursor.ts";
import type { Database } from "../persistence/database.ts";
import { type ChangeSpan, changeHead, type Snapshot } from "../persistence/queries/run-changes.ts";

/**
 * Where somebody stands in the changes of all runs, as text: a snapshot, or the rest of a span that was cut into
 * pages: its two snapshots and the last run that was told.
 */
export type ChangePosition = string;

const STREAM = "changes";
const SEPARATOR = "/";
const RUN = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const SNAPSHOT = /^[1-9]\d{0,18}:[1-9]\d{0,18}:([1-9]\d{0,18}(,[1-9]\d{0,18})*)?$/;

/** A cursor behind everything that is visible now. What a query reads later it may be told again, and misses nothing. */
export async function currentChangeCursor(database: Database): Promise<string> {
  const { epoch, snapshot } = await changeHead(database);
  return changeCursor(epoch, snapshot);
}

export function changeCursor(epoch: string, position: ChangePosition): string {
  return encodeTextCursor({ epoch, stream: STREAM, text: position });
}

/** The position inside a span, behind a run. */
export function positionWithin(after: Snapshot, until: Snapshot, runId: string): ChangePosition {
  return [after, until, runId].join(SEPARATOR);
}

/** What lies behind a position of this process's own. */
export function spanBehind(position: ChangePosition): ChangeSpan {
  const [after, until = null, afterRun = null] = position.split(SEPARATOR);
  return { after: after!, until, afterRun };
}

export function decodeChangeCursor(cursor: string): { epoch: string; position: ChangePosition } {
  const decoded = decodeTextCursor(cursor, STREAM);
  if (decoded === null || !isPosition(decoded.text))
    throw new InvalidCursorError("this cursor does not belong to the changes of runs");
  return { epoch: decoded.epoch, position: decoded.text };
}

function isPosition(text: string): boolean {
  const [after, until, run, ...rest] = text.split(SEPARATOR);
  if (!isSnapshot(after!) || rest.length > 0) return false;
  return until === undefined || (isSnapshot(until) && run !== undefined && RUN.test(run));
}

/** What PostgreSQL takes for a snapshot: anything else would fail inside of a statement. */
function isSnapshot(text: string): boolean {
  if (!SNAPSHOT.test(text)) return false;
  const [xmin, xmax, list] = text.split(":");
  const open = list === "" ? [] : list!.split(",").map(BigInt);
  const [first, end] = [BigInt(xmin!), BigInt(xmax!)];
  return first <= end && open.every((xid, i) => xid >= (open[i - 1] ?? first) && xid < end);
}
