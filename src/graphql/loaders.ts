import DataLoader from "dataloader";
import { groupBy } from "../domain/group-by.ts";
import {
  type AccountRecord,
  findAccounts,
  findProjects,
  findRunners,
  type ProjectRecord,
  type RunnerRecord,
} from "../persistence/queries/people.ts";
import type { Queryable } from "../persistence/queries/queryable.ts";
import { findRunInputs, findRuns, type RunInputRecord, type RunRecord } from "../persistence/queries/runs.ts";
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
import {
  findVersions,
  findWorkflows,
  type WorkflowRecord,
  type WorkflowVersionRecord,
} from "../persistence/queries/workflows.ts";

/** One loader per way of reaching an object: whatever a query asks for many objects is one statement. */
export interface Loaders {
  readonly account: DataLoader<string, AccountRecord | null>;
  readonly project: DataLoader<string, ProjectRecord | null>;
  readonly runner: DataLoader<string, RunnerRecord | null>;
  readonly workflow: DataLoader<string, WorkflowRecord | null>;
  readonly version: DataLoader<string, WorkflowVersionRecord | null>;
  readonly run: DataLoader<string, RunRecord | null>;
  readonly runInput: DataLoader<string, RunInputRecord | null>;
  readonly stagesOfRun: DataLoader<string, readonly StageRecord[]>;
  readonly stepsOfRun: DataLoader<string, readonly StepRecord[]>;
  readonly step: DataLoader<StepPlace, StepRecord | null, string>;
  readonly attemptsOfStep: DataLoader<StepPlace, readonly AttemptRecord[], string>;
}

export function createLoaders(source: Queryable): Loaders {
  return {
    account: byId(async (ids) => await findAccounts(source, ids)),
    project: byId(async (ids) => await findProjects(source, ids)),
    runner: byId(async (ids) => await findRunners(source, ids)),
    workflow: byId(async (ids) => await findWorkflows(source, ids)),
    version: byId(async (ids) => await findVersions(source, ids)),
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
    step: new DataLoader<StepPlace, StepRecord | null, string>(
      async (places) => {
        const found = new Map((await findSteps(source, places)).map((step) => [placeKey(step), step]));
        return places.map((place) => found.get(placeKey(place)) ?? null);
      },
      { cacheKeyFn: placeKey },
    ),
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

function placeKey({ runId, index }: StepPlace): string {
  return `${runId} ${index}`;
}

function byId<Row extends { readonly id: string }>(
  find: (ids: readonly string[]) => Promise<readonly Row[]>,
): DataLoader<string, Row | null> {
  return new DataLoader(async (ids) => {
    const found = new Map((await find(ids)).map((row) => [row.id, row]));
    return ids.map((id) => found.get(id) ?? null);
  });
}

function manyOf<Row>(
  find: (ids: readonly string[]) => Promise<readonly Row[]>,
  ownerOf: (row: Row) => string,
): DataLoader<string, readonly Row[]> {
  return new DataLoader(async (ids) => {
    const found = groupBy(await find(ids), ownerOf);
    return ids.map((id) => found.get(id) ?? []);
  });
}
