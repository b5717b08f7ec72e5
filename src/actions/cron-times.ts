import { Cron } from "croner";

/** When a schedule runs: a cron expression, read in a time zone. */
export interface CronTimes {
  readonly cron: string;
  readonly timeZone: string;
}

/** The longest expression that says anything is far shorter. */
const MAX_CRON_LENGTH = 200;
const FIELDS = /^\s*(\S+\s+){4,5}\S+\s*$/;

/** What is wrong with a cron expression at this moment, for people; null = nothing. */
export function cronRefusal(cron: string, now: Date): string | null {
  // The library also takes dates and nicknames, which are no cron expressions of 5 or 6 fields.
  if (cron.length > MAX_CRON_LENGTH || !FIELDS.test(cron)) {
    return "must have 5 fields (minute, hour, day of month, month, day of week), or 6 with the second first";
  }
  try {
    const first = parse({ cron, timeZone: "UTC" }).nextRun(now);
    return first === null ? "names no time that ever comes" : null;
  } catch (error) {
    return `is no cron expression: ${(error as Error).message.replace(/^CronPattern: /, "")}`;
  }
}

/** What is wrong with the name of a time zone, for people; null = nothing. */
export function timeZoneRefusal(timeZone: string): string | null {
  const refusal = "is not a time zone of the IANA database, such as UTC or Europe/Berlin";
  // JavaScript also takes offsets such as +01:00, which know no daylight saving time.
  if (!/^[A-Za-z][\w/+-]{0,63}$/.test(timeZone)) return refusal;
  try {
    new Intl.DateTimeFormat("en", { timeZone });
    return null;
  } catch {
    return refusal;
  }
}

/** The first time after a moment; null when there is none any more. */
export function timeAfter(times: CronTimes, moment: Date): Date | null {
  return parse(times).nextRun(moment);
}

/** The next times after a moment, earliest first. */
export function timesAfter(times: CronTimes, moment: Date, count: number): Date[] {
  return parse(times).nextRuns(count, moment);
}

/** The last times up to a moment, that moment included, earliest first. */
export function timesUpTo(times: CronTimes, moment: Date, count: number): Date[] {
  return parse(times)
    .previousRuns(count, new Date(moment.getTime() + 1))
    .reverse();
}

/** Without a function to call, the library sets no timer. */
function parse({ cron, timeZone }: CronTimes): Cron {
  return new Cron(cron, { timezone: timeZone, mode: "5-or-6-parts", paused: true });
}
