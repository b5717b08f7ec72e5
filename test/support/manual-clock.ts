import type { Clock } from "../../src/domain/clock.ts";

/** A clock that moves only when the test moves it. Starts at the real time, so that partitions exist. */
export class ManualClock implements Clock {
  #now = Date.now();

  now(): Date {
    return new Date(this.#now);
  }

  advance(milliseconds: number): void {
    this.#now += milliseconds;
  }
}
