import type { RunEventType } from "../domain/events.ts";
import type { StreamPosition } from "../domain/stream-cursor.ts";
import type { FollowedRun, RunLogItem } from "./followed-run.ts";
import { Following } from "./following.ts";
import type { EdgeItem } from "./live-log.ts";
import { BEYOND, decodeRunCursor, RESTORED } from "./run-cursors.ts";
import type { RunHub } from "./run-hub.ts";

export type RunStreamItem = RunLogItem | EdgeItem;

export interface FollowRun {
  readonly runId: string;
  readonly after: StreamPosition;
  readonly wants: (item: RunLogItem) => boolean;
  /** Ends with the run, or stays until the subscriber leaves. */
  readonly until: "FINISHED" | "DELETED";
}

/** Replays what is stored of a run's events, then follows what is committed. */
export async function followRun(
  hub: RunHub,
  { runId, after, wants, until }: FollowRun,
): Promise<Following<RunLogItem, number>> {
  const log = await hub.follow(runId);
  try {
    return new Following({
      log,
      ...(await startOf(log, after)),
      wants,
      isLast: ({ event }) => event.type === "RunDeleted",
      isOver: () => log.deleted || (until === "FINISHED" && log.finished),
    });
  } catch (error) {
    log[Symbol.dispose]();
    throw error;
  }
}

/** Only some types of events, or null for all. */
export function ofTypes(types: readonly RunEventType[] | null): (item: RunLogItem) => boolean {
  if (types === null) return () => true;
  const wanted: ReadonlySet<RunEventType> = new Set(types);
  return ({ event }) => wanted.has(event.type);
}

async function startOf(
  log: FollowedRun,
  after: StreamPosition,
): Promise<{ start: number; reset: string | null }> {
  if (after.kind === "START") return { start: 0, reset: null };
  // Another replica may have told the subscriber of more than this one has heard of yet.
  await log.grow();
  const { head } = log;
  if (after.kind === "HEAD") return { start: head, reset: null };
  const { epoch, seq } = decodeRunCursor(log.runId, after.cursor);
  if (epoch !== log.epoch) return { start: head, reset: RESTORED };
  if (seq > head) return { start: head, reset: BEYOND };
  return { start: seq, reset: null };
}
