import DataLoader from "dataloader";
import type { Clock } from "../domain/clock.ts";
import { groupBy } from "../domain/group-by.ts";
import { type BulkOperationRecord, findBulkOperations } from "../persistence/queries/bulk-operations.ts";
import {
  type AccountRecord,
  findAccounts,
  findProjects,
  type ProjectRecord,
} from "../persistence/queries/people.ts";
import type { Queryable } from "../persistence/queries/queryable.ts";
import { findRunners, type RunnerRecord } from "../persistence/queries/runners.ts";
import { findRunInputs, findRuns, type RunInputRecord, type RunRecord } from "../persistence/queries/runs.ts";
import { findSchedules, type ScheduleRecord } from "../persistence/queries/schedules.ts";
import {
  type AttemptRecord,
  attemptsOfSteps,
  findSteps,
  type StageRecord,
  type StepPlace,
  type StepRecord,
  stagesOfRuns,
  stepsOfRuns,
} from "../persistence/queries/steps.ts";
import { findWebhooks, type WebhookRecord } from "../persistence/queries/webhooks.ts";
import {
  findVersionInterfaces,
  findVersions,
  findWorkflows,
  type VersionInterface,
  type WorkflowRecord,
  type WorkflowVersionRecord,
} from "../persistence/queries/workflows.ts";
import { byId, byPlace, manyOf, type PlaceLoader, placeKey } from "./loaders-by-place.ts";
import { createRunLoaders, type RunLoaders } from "./run-loaders.ts";
import { createTestLoaders, type TestLoaders } from "./test-loaders.ts";

/** One loader per way of reaching an object: whatever a query asks for many objects is one statement. */
export interface Loaders extends RunLoaders, TestLoaders {
  readonly account: DataLoader<string, AccountRecord | null>;
  readonly project: DataLoader<string, ProjectRecord | null>;
  readonly runner: DataLoader<string, RunnerRecord | null>;
  readonly workflow: DataLoader<string, WorkflowRecord | null>;
  readonly version: DataLoader<string, WorkflowVersionRecord | null>;
  readonly versionInterface: DataLoader<string, VersionInterface | null>;
  readonly schedule: DataLoader<string, ScheduleRecord | null>;
  readonly webhook: DataLoader<string, WebhookRecord | null>;
  readonly bulkOperation: DataLoader<string, BulkOperationRecord | null>;
  readonly run: DataLoader<string, RunRecord | null>;
  readonly runInput: DataLoader<string, RunInputRecord | null>;
  readonly stagesOfRun: DataLoader<string, readonly StageRecord[]>;
  readonly stepsOfRun: DataLoader<string, readonly StepRecord[]>;
  readonly step: PlaceLoader<StepRecord | null>;
  readonly attemptsOfStep: PlaceLoader<readonly AttemptRecord[]>;
}

export function createLoaders(source: Queryable, clock: Clock): Loaders {
  return {
    ...createRunLoaders(source, clock),
    ...createTestLoaders(source, clock),
    account: byId(async (ids) => await findAccounts(source, ids)),
    project: byId(async (ids) => await findProjects(source, ids)),
    runner: byId(async (ids) => await findRunners(source, ids)),
    workflow: byId(async (ids) => await findWorkflows(source, ids)),
    version: byId(async (ids) => await findVersions(source, ids)),
    versionInterface: byId(async (ids) => await findVersionInterfaces(source, ids)),
    schedule: byId(async (ids) => await findSchedules(source, ids)),
    webhook: byId(async (ids) => await findWebhooks(source, ids)),
    bulkOperation: byId(async (ids) => await findBulkOperations(source, ids)),
    run: byId(async (ids) => await findRuns(source, ids)),
    runInput: new DataLoader(async (ids) => {
      const found = new Map((await findRunInputs(source, ids)).map((record) => [record.runId, record]));
      return ids.map((id) => found.get(id) ?? null);
    }),
    stagesOfRun: manyOf(
      async (ids) => await stagesOfRuns(source, ids),
      ({ runId }) => runId,
    ),
    stepsOfRun: manyOf(
      async (ids) => await stepsOfRuns(source, ids),
      ({ runId }) => runId,
    ),
    step: byPlace(async (places) => await findSteps(source, places)),
    attemptsOfStep: new DataLoader<StepPlace, readonly AttemptRecord[], string>(
      async (places) => {
        const attempts = await attemptsOfSteps(source, places);
        const found = groupBy(attempts, ({ runId, step }) => placeKey({ runId, index: step }));
        return places.map((place) => found.get(placeKey(place)) ?? []);
      },
      { cacheKeyFn: placeKey },
    ),
  };
}
