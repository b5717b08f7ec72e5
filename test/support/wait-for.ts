import { setTimeout } from "node:timers/promises";

/** Waits until `look` gives something, and fails with `what` when it never does. */
export async function waitFor<Value>(
  what: string,
  look: () => Promise<Value | null | undefined | false> | Value | null | undefined | false,
  { timeoutMs = 20_000, everyMs = 20 } = {},
): Promise<Value> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const value = await look();
    if (value !== null && value !== undefined && value !== false) return value;
    if (performance.now() > deadline) throw new Error(`waited ${timeoutMs} ms for: ${what}`);
    await setTimeout(everyMs);
  }
}
