const FIRST_DELAY_MS = 200;
const LONGEST_DELAY_MS = 10_000;

/**
 * Doubles up to a cap. The lower half is fixed and the upper one random, so that the clients of a restarted
 * server neither return in one instant nor hammer it.
 * @param attempt 1 for the first one after a loss
 */
export function backoffMs(attempt: number, random: () => number = Math.random): number {
  const delay = Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** (attempt - 1));
  return Math.round(delay * (0.5 + random() / 2));
}
