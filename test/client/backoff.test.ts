import { expect, it } from "vitest";
import { backoffMs } from "../../src/client/backoff.ts";

it("doubles, is capped and leaves half of the delay to chance", () => {
  const attempts = [1, 2, 3, 4, 5, 6, 7, 50];
  const longest = attempts.map((attempt) => backoffMs(attempt, () => 1));
  expect(longest).toEqual([200, 400, 800, 1600, 3200, 6400, 10_000, 10_000]);
  expect(attempts.map((attempt) => backoffMs(attempt, () => 0))).toEqual(longest.map((delay) => delay / 2));
});
