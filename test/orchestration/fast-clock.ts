import type { Clock } from "../../src/domain/clock.ts";

/** Twenty times as fast as time: leases, delays and timeouts run out while the test watches. */
export class FastClock implements Clock {
  readonly #start = Date.now();

  now(): Date {
    return new Date(this.#start + 20 * (Date.now() - this.#start));
  }
}
