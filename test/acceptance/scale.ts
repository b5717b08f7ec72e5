/**
 * The tests of this folder show what was promised at its full size: 2,000 tests in a step, a log of 200 MB. That
 * takes minutes, so by default they run a twentieth of it; RUNCAST_TEST_SCALE=1 runs all.
 */
const SCALE = Number(process.env["RUNCAST_TEST_SCALE"] ?? "0.05");

export const isFullScale = SCALE >= 1;

export function scaled(full: number): number {
  return Math.max(1, Math.round(full * SCALE));
}
