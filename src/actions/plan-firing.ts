import type { MissedRuns } from "../domain/triggers.ts";
import { type CronTimes, timeAfter, timesUpTo } from "./cron-times.ts";

/** A time that is past for longer was missed: no server looked when it came. */
const MISSED_AFTER_MS = 60_000;
/** So many missed times are made up for, the newest. */
const MAX_MADE_UP = 100;

export interface DueSchedule extends CronTimes {
  readonly missedRuns: MissedRuns;
  readonly nextAt: Date | null;
}

/** What to do about a schedule that is due. */
export interface FiringPlan {
  /** The time for which a run is made now; null = none. */
  readonly fire: Date | null;
  /** The time that comes after, perhaps due already; null = there is none any more. */
  readonly next: Date | null;
  /** Times that were missed and are not made up for although the schedule asks for all of them. */
  readonly leftOut: { readonly from: Date; readonly before: Date } | null;
}

/** One step: the caller asks again until the schedule is not due any more. */
export function planFiring(schedule: DueSchedule, now: Date): FiringPlan {
  const { missedRuns } = schedule;
  const due = schedule.nextAt ?? now;
  const missedBefore = new Date(now.getTime() - MISSED_AFTER_MS);
  if (due >= missedBefore) return fireAt(schedule, due);
  if (missedRuns === "RUN_ALL") return makeUpForAll(schedule, due, now);
  const recent = timeAfter(schedule, new Date(missedBefore.getTime() - 1));
  // A time that has just come stands for the missed ones too.
  if (missedRuns === "SKIP" || (recent !== null && recent <= now)) {
    return { fire: null, next: recent, leftOut: null };
  }
  const [latest = due] = timesUpTo(schedule, now, 1);
  return fireAt(schedule, latest);
}

function makeUpForAll(schedule: DueSchedule, due: Date, now: Date): FiringPlan {
  const [oldest = due] = timesUpTo(schedule, now, MAX_MADE_UP);
  if (oldest <= due) return fireAt(schedule, due);
  return { ...fireAt(schedule, oldest), leftOut: { from: due, before: oldest } };
}

function fireAt(schedule: DueSchedule, time: Date): FiringPlan {
  return { fire: time, next: timeAfter(schedule, time), leftOut: null };
}
