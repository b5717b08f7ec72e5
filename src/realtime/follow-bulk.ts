import { setTimeout as pause } from "node:timers/promises";
import { DatabaseAwayError } from "../domain/refusals.ts";
import {
  decodeCursor,
  encodeCursor,
  InvalidCursorError,
  type StreamPosition,
} from "../domain/stream-cursor.ts";
import type { Database } from "../persistence/database.ts";
import { type BulkOperationRecord, findBulkOperations } from "../persistence/queries/bulk-operations.ts";
import { readEpoch } from "../persistence/queries/events.ts";
import type { EdgeItem } from "./live-log.ts";
import { BEYOND, RESTORED } from "./run-cursors.ts";

export type BulkStreamItem =
  | { readonly kind: "PROGRESS"; readonly cursor: string; readonly operation: BulkOperationRecord }
  | EdgeItem;

/** Its runs are ended one by one, so nobody is told of each: it is looked at. */
const LOOK_AGAIN_MS = 1_000;

/** How far an operation is: as a number that only grows, and ends beyond all others. */
type Stage = number;
const NOWHERE: Stage = -1;

/** An operation as it is, and again each time that it has come further; ends when it has ended. */
export async function* followBulk(
  database: Database,
  { id, after }: { readonly id: string; readonly after: StreamPosition },
  signal: AbortSignal,
): AsyncGenerator<BulkStreamItem, void, void> {
  const epoch = await readEpoch(database);
  const cursorOf = (stage: Stage): string =>
    encodeCursor({ epoch, stream: streamOf(id), position: [Math.max(stage, 0)] });
  let operation = await find(database, id, signal);
  const start = startOf(id, after, epoch, operation);
  let told = start.stage;
  if (start.reset !== null) yield { kind: "RESET", cursor: cursorOf(told), reason: start.reset };
  for (
    let caughtUp = false;
    operation !== null && !signal.aborted;
    operation = await find(database, id, signal)
  ) {
    const stage = stageOf(operation);
    if (stage !== told) yield { kind: "PROGRESS", cursor: cursorOf(stage), operation };
    told = stage;
    if (!caughtUp) yield { kind: "CAUGHT_UP", cursor: cursorOf(told) };
    caughtUp = true;
    if (operation.finishedAt !== null) return;
    await pause(LOOK_AGAIN_MS, undefined, { signal }).catch(() => undefined);
  }
}

function startOf(
  id: string,
  after: StreamPosition,
  epoch: string,
  operation: BulkOperationRecord | null,
): { stage: Stage; reset: string | null } {
  const now = operation === null ? NOWHERE : stageOf(operation);
  if (after.kind !== "CURSOR") return { stage: after.kind === "START" ? NOWHERE : now, reset: null };
  const decoded = decodeCursor(after.cursor, streamOf(id));
  const [stage, ...rest] = decoded?.position ?? [];
  if (decoded === null || stage === undefined || rest.length > 0)
    throw new InvalidCursorError("this cursor does not belong to this bulk operation");
  if (decoded.epoch !== epoch) return { stage: now, reset: RESTORED };
  return stage > now ? { stage: now, reset: BEYOND } : { stage, reset: null };
}

function stageOf({ succeeded, failed, total, finishedAt }: BulkOperationRecord): Stage {
  // Aborted operations end before all of their runs had their turn.
  return finishedAt === null ? succeeded + failed : total + 1;
}

/** A restart of the database is only a pause. Null when it is gone. */
async function find(
  database: Database,
  id: string,
  signal: AbortSignal,
): Promise<BulkOperationRecord | null> {
  while (!signal.aborted) {
    try {
      return (await findBulkOperations(database, [id]))[0] ?? null;
    } catch (error) {
      if (!(error instanceof DatabaseAwayError)) throw error;
      await pause(LOOK_AGAIN_MS, undefined, { signal }).catch(() => undefined);
    }
  }
  return null;
}

function streamOf(id: string): string {
  return `bulk ${id}`;
}
