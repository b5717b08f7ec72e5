import { setTimeout } from "node:timers/promises";

const ENOUGH = 0.002;
const TURN_MS = 250;
const MAX_TURNS = 20;

export interface RestingMemory {
  /** What the process occupies: what an operator sees, and with it what the allocators keep for later. */
  readonly rss: number;
  /** What is referenced, in and outside of the heap. */
  readonly live: number;
}

/** Bytes of memory of this process once its garbage is collected. Needs node's --expose-gc. */
export async function restingMemory({ turns = MAX_TURNS }: { turns?: number } = {}): Promise<RestingMemory> {
  const { gc } = globalThis;
  if (gc === undefined) throw new Error("a process whose memory is measured needs --expose-gc");
  let before = Number.POSITIVE_INFINITY;
  for (let turn = 1; ; turn++) {
    gc();
    // Pages go back to the system after the collection, in another thread.
    await setTimeout(TURN_MS);
    const { rss, heapUsed, external } = process.memoryUsage();
    if (turn >= turns || Math.abs(before - rss) < rss * ENOUGH) return { rss, live: heapUsed + external };
    before = rss;
  }
}
