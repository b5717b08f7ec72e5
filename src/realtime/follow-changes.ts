import type { StreamPosition } from "../domain/stream-cursor.ts";
import type { Database } from "../persistence/database.ts";
import { changeHead, findSnapshot } from "../persistence/queries/run-changes.ts";
import { type ChangePosition, decodeChangeCursor, spanBehind } from "./change-cursors.ts";
import type { ChangeFeed } from "./change-feed.ts";
import type { ChangeItem, ChangeLog } from "./change-log.ts";
import { Following } from "./following.ts";
import type { EdgeItem } from "./live-log.ts";
import { BEYOND, RESTORED } from "./run-cursors.ts";

const FORGOTTEN = "changes since the position are not kept any more";

export type ChangeStreamItem = ChangeItem | EdgeItem;

export interface FollowChanges {
  readonly after: StreamPosition;
  readonly wants: (item: ChangeItem) => boolean;
}

/** Replays what is kept of the changes of all runs, then follows what is committed. */
export async function followChanges(
  feed: ChangeFeed,
  database: Database,
  { after, wants }: FollowChanges,
): Promise<Following<ChangeItem, ChangePosition>> {
  const log = await feed.follow();
  try {
    return new Following({ log, ...(await startOf(log, database, after)), wants, isOver: () => false });
  } catch (error) {
    log[Symbol.dispose]();
    throw error;
  }
}

async function startOf(
  log: ChangeLog,
  database: Database,
  after: StreamPosition,
): Promise<{ start: ChangePosition; reset: string | null }> {
  if (after.kind === "HEAD") return { start: log.end, reset: null };
  if (after.kind === "START") {
    const { first } = await changeHead(database);
    return { start: `${first}:${first}:`, reset: null };
  }
  const { epoch, position } = decodeChangeCursor(after.cursor);
  const reset = epoch === log.epoch ? await obstacle(database, position) : RESTORED;
  return { start: reset === null ? position : log.end, reset };
}

/** Why nobody can go on from a position; null when one can. */
async function obstacle(database: Database, position: ChangePosition): Promise<string | null> {
  const { kept, reached } = await findSnapshot(database, spanBehind(position).after);
  if (!reached) return BEYOND;
  return kept ? null : FORGOTTEN;
}
