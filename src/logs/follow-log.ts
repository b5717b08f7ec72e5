import type { Database } from "../persistence/database.ts";
import { readEpoch } from "../persistence/queries/events.ts";
import { findSteps } from "../persistence/queries/steps.ts";
import { Following } from "../realtime/following.ts";
import type { EdgeItem } from "../realtime/live-log.ts";
import { type FollowedLog, isWorthTelling, type LogEntry } from "./followed-log.ts";
import type { LogHub } from "./log-hub.ts";
import { type FollowLog, readStart, type Start } from "./log-start.ts";

export type LogStreamItem = LogEntry | EdgeItem;

/**
 * The log of one attempt from a position on, until it is complete or nobody is left who could complete it. It ends
 * without an END when the step has ended and never starts that attempt: there is no such log.
 */
export async function followLog(
  hub: LogHub,
  database: Database,
  request: FollowLog,
): Promise<Following<LogEntry, number>> {
  const start = readStart(request, await readEpoch(database));
  const attempt = start.attempt ?? (await newestAttempt(database, request));
  const { runId, step, grep } = request;
  const log = await hub.follow({ runId, step, attempt, grep });
  return new Following({
    log,
    ...positionOf(log, start),
    wants: isWorthTelling,
    isLast: ({ kind }) => kind === "END",
    isOver: () => log.over,
  });
}

/** The attempt that runs or ran last; before the first one starts, that one. */
async function newestAttempt(database: Database, { runId, step }: FollowLog): Promise<number> {
  const [found] = await findSteps(database, [{ runId, index: step }]);
  return Math.max(found?.attempt ?? 0, 1);
}

function positionOf(log: FollowedLog, { offset, reset }: Start): { start: number; reset: string | null } {
  if (offset === null) return { start: 2 * log.length, reset };
  if (offset > log.length) return { start: 0, reset: "the position lies beyond the end of the log" };
  return { start: 2 * offset, reset };
}
