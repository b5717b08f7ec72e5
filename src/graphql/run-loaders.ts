import type DataLoader from "dataloader";
import type { Clock } from "../domain/clock.ts";
import {
  type ApprovalRecord,
  approvalsOfRuns,
  type DecisionRecord,
  decisionsOfRuns,
} from "../persistence/queries/approvals.ts";
import { type ArtifactRecord, findArtifacts, stepsWithArtifacts } from "../persistence/queries/artifacts.ts";
import { type AuditEntryRecord, findAuditEntries } from "../persistence/queries/audit-log.ts";
import { findLogFiles, type LogFileRecord, logFilesOfRuns } from "../persistence/queries/log-files.ts";
import { type LogHead, logHeadsOfRuns } from "../persistence/queries/logs.ts";
import type { Queryable } from "../persistence/queries/queryable.ts";
import {
  type ChildRun,
  childrenOfRuns,
  childrenOfSteps,
  type EstimateRecord,
  estimateDurations,
  type LinkedRun,
  previousRuns,
  retriesOfRuns,
} from "../persistence/queries/run-links.ts";
import { type RunnerPulse, runnerPulses } from "../persistence/queries/runners.ts";
import { findStepResults, type StepResultRecord } from "../persistence/queries/step-results.ts";
import {
  type OpenNeeds,
  openNeeds,
  type PoolSupply,
  poolSupply,
  type RunActivity,
  runActivity,
  waitingSteps,
} from "../persistence/queries/step-waits.ts";
import type { StepPlace, StepRecord } from "../persistence/queries/steps.ts";
import { byId, byPlace, manyOf, type PlaceLoader } from "./loaders-by-place.ts";

/** What surrounds runs and steps: other runs, approvals, what they wait for. */
export interface RunLoaders {
  readonly retriesOfRun: DataLoader<string, readonly LinkedRun[]>;
  readonly childrenOfRun: DataLoader<string, readonly LinkedRun[]>;
  /** The run before, alone in its list. */
  readonly previousRun: DataLoader<string, readonly LinkedRun[]>;
  readonly childOfStep: PlaceLoader<ChildRun | null>;
  /** By workflow. */
  readonly estimate: DataLoader<string, EstimateRecord | null>;
  readonly approvalsOfRun: DataLoader<string, readonly ApprovalRecord[]>;
  readonly decisionsOfRun: DataLoader<string, readonly DecisionRecord[]>;
  readonly stepResult: PlaceLoader<StepResultRecord | null>;
  readonly openNeeds: PlaceLoader<OpenNeeds | null>;
  readonly runActivity: DataLoader<string, RunActivity | null>;
  /** Those that are queued or wait, at most 10. */
  readonly waitingSteps: DataLoader<string, readonly StepRecord[]>;
  readonly poolSupply: DataLoader<number, PoolSupply | null>;
  readonly runnerPulse: DataLoader<string, RunnerPulse | null>;
  readonly logsOfRun: DataLoader<string, readonly LogHead[]>;
  readonly logFilesOfRun: DataLoader<string, readonly LogFileRecord[]>;
  readonly logFile: DataLoader<string, LogFileRecord | null>;
  readonly auditEntry: DataLoader<string, AuditEntryRecord | null>;
  readonly artifact: DataLoader<string, ArtifactRecord | null>;
  /** The place itself when its step has artifacts now. */
  readonly placeWithArtifacts: PlaceLoader<StepPlace | null>;
}

export function createRunLoaders(source: Queryable, clock: Clock): RunLoaders {
  const ofRun = ({ ofRunId }: LinkedRun) => ofRunId;
  return {
    retriesOfRun: manyOf(async (ids) => await retriesOfRuns(source, ids), ofRun),
    childrenOfRun: manyOf(async (ids) => await childrenOfRuns(source, ids), ofRun),
    previousRun: manyOf(async (ids) => await previousRuns(source, ids), ofRun),
    childOfStep: byPlace(async (places) => await childrenOfSteps(source, places)),
    estimate: byId<EstimateRecord>(async (ids) => await estimateDurations(source, ids)),
    approvalsOfRun: manyOf(
      async (ids) => await approvalsOfRuns(source, ids),
      ({ runId }) => runId,
    ),
    decisionsOfRun: manyOf(
      async (ids) => await decisionsOfRuns(source, ids),
      ({ runId }) => runId,
    ),
    stepResult: byPlace(async (places) => await findStepResults(source, places)),
    openNeeds: byPlace(async (places) => await openNeeds(source, places)),
    runActivity: byId<RunActivity>(async (ids) => await runActivity(source, ids)),
    waitingSteps: manyOf(
      async (ids) => await waitingSteps(source, ids),
      ({ runId }) => runId,
    ),
    poolSupply: byId<PoolSupply>(async (ids) => await poolSupply(source, ids, clock.now())),
    runnerPulse: byId<RunnerPulse>(async (ids) => await runnerPulses(source, ids, clock.now())),
    logsOfRun: manyOf(
      async (ids) => await logHeadsOfRuns(source, ids, clock.now()),
      ({ runId }) => runId,
    ),
    logFilesOfRun: manyOf(
      async (ids) => await logFilesOfRuns(source, ids),
      ({ runId }) => runId,
    ),
    logFile: byId(async (ids) => await findLogFiles(source, ids)),
    auditEntry: byId<AuditEntryRecord>(async (ids) => await findAuditEntries(source, ids)),
    artifact: byId<ArtifactRecord>(async (ids) => await findArtifacts(source, ids)),
    placeWithArtifacts: byPlace<StepPlace>(async (places) => await stepsWithArtifacts(source, places)),
  };
}
