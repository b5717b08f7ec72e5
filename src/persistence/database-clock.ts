import type { Clock } from "../domain/clock.ts";
import { databaseTime } from "./queries/ping.ts";
import type { Queryable } from "./queries/queryable.ts";

const RESYNC_MS = 60_000;

/**
 * Follows the database's clock: leases and timers of all processes are judged by one time, whatever their hosts
 * believe. Between two measurements the machine's steady clock carries it on.
 */
export class DatabaseClock implements Clock, Disposable {
  readonly #source: Queryable;
  #offsetMs = 0;
  #timer: NodeJS.Timeout | undefined;

  private constructor(source: Queryable) {
    this.#source = source;
  }

  static async start(source: Queryable): Promise<DatabaseClock> {
    const clock = new DatabaseClock(source);
    await clock.#sync();
    clock.#timer = setInterval(() => {
      // An unreachable database is noticed by whoever needs it; the last offset stays good meanwhile.
      clock.#sync().catch(() => undefined);
    }, RESYNC_MS);
    clock.#timer.unref();
    return clock;
  }

  now(): Date {
    return new Date(performance.timeOrigin + performance.now() + this.#offsetMs);
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }

  /** The answer was made somewhere between the question and its arrival: half way is the best guess. */
  async #sync(): Promise<void> {
    const asked = performance.timeOrigin + performance.now();
    const answer = await databaseTime(this.#source);
    const arrived = performance.timeOrigin + performance.now();
    this.#offsetMs = answer - (asked + arrived) / 2;
  }
}
