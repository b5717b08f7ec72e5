import DataLoader from "dataloader";
import type { Clock } from "../domain/clock.ts";
import { groupBy } from "../domain/group-by.ts";
import { findLogs, type LogKey, type StoredLog } from "../persistence/queries/logs.ts";
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
  /** What tests wrote; of which there may be nothing yet. */
  readonly testLog: DataLoader<LogKey, StoredLog, string>;
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
    testLog: new DataLoader<LogKey, StoredLog, string>(
      async (keys) => {
        const found = new Map((await findLogs(source, keys)).map((log) => [logKey(log), log]));
        return keys.map((key) => found.get(logKey(key))!);
      },
      { cacheKeyFn: logKey },
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

function logKey({ runId, step, fence, part }: LogKey): string {
  return `${runId} ${step} ${fence} ${part}`;
}
