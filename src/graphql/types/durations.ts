/** Milliseconds between two moments; null while one of them has not come. Never negative: clocks may be corrected. */
export function durationMs(from: Date | null, to: Date | null): number | null {
  return from === null || to === null ? null : Math.max(to.getTime() - from.getTime(), 0);
}
