import { setTimeout } from "node:timers/promises";

/** How events are told: some at once, then a pause. */
export interface Pace {
  readonly events: number;
  readonly batch: number;
  /** From the begin of one batch to the begin of the next; a late one is followed at once. */
  readonly intervalMs: number;
}

/** @param tell tells the next `count` events, the first of which is the number `from` (from 1) */
export async function atPace(
  { events, batch, intervalMs }: Pace,
  tell: (from: number, count: number) => Promise<void> | void,
): Promise<void> {
  const begin = performance.now();
  for (let told = 0, turn = 0; told < events; told += batch, turn++) {
    const wait = begin + turn * intervalMs - performance.now();
    if (wait > 0) await setTimeout(wait);
    await tell(told + 1, Math.min(batch, events - told));
  }
}
