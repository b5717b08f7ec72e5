import DataLoader from "dataloader";
import type { Clock } from "../domain/clock.ts";
import { groupBy } from "../domain/group-by.ts";
import type { Queryable } from "../persistence/queries/queryable.ts";
import { type TestCounts, testCountsOfRuns, testCountsOfSteps } from "../persistence/queries/test-counts.ts";
import {
  attemptsOfTests,
  findTests,
  type TestAttemptRecord,
  type TestPlace,
  type TestRecord,
} from "../persistence/queries/tests.ts";
import { byId, byPlace, type PlaceLoader } from "./loaders-by-place.ts";

export interface TestLoaders {
  readonly test: DataLoader<TestPlace, TestRecord | null, string>;
  readonly attemptsOfTest: DataLoader<TestPlace, readonly TestAttemptRecord[], string>;
  /** Null for a step without tests. */
  readonly testCountsOfStep: PlaceLoader<TestCounts | null>;
  readonly testCountsOfRun: DataLoader<string, TestCounts | null>;
}

export function createTestLoaders(source: Queryable, clock: Clock): TestLoaders {
  return {
    test: new DataLoader<TestPlace, TestRecord | null, string>(
      async (places) => {
        const found = new Map((await findTests(source, places)).map((test) => [testKey(test), test]));
        return places.map((place) => found.get(testKey(place)) ?? null);
      },
      { cacheKeyFn: testKey },
    ),
    attemptsOfTest: new DataLoader<TestPlace, readonly TestAttemptRecord[], string>(
      async (places) => {
        const found = groupBy(await attemptsOfTests(source, places), testKey);
        return places.map((place) => found.get(testKey(place)) ?? []);
      },
      { cacheKeyFn: testKey },
    ),
    testCountsOfStep: byPlace(async (places) => await testCountsOfSteps(source, places, clock.now())),
    testCountsOfRun: byId<TestCounts & { readonly id: string }>(
      async (ids) => await testCountsOfRuns(source, ids, clock.now()),
    ),
  };
}

function testKey({ runId, step, index }: TestPlace): string {
  return `${runId} ${step} ${index}`;
}
