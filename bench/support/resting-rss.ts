import { setTimeout } from "node:timers/promises";

const ENOUGH = 0.002;
const TURN_MS = 250;
const MAX_TURNS = 20;

/** Bytes of memory this process occupies once its garbage is collected. Needs node's --expose-gc. */
export async function restingRss({ turns = MAX_TURNS }: { turns?: number } = {}): Promise<number> {
  const { gc } = globalThis;
  if (gc === undefined) throw new Error("a process whose memory is measured needs --expose-gc");
  let before = Number.POSITIVE_INFINITY;
  for (let turn = 0; turn < turns; turn++) {
    gc();
    // Pages go back to the system after the collection, in another thread.
    await setTimeout(TURN_MS);
    const rss = process.memoryUsage.rss();
    if (Math.abs(before - rss) < rss * ENOUGH) return rss;
    before = rss;
  }
  return before;
}
