import type { BlobStore } from "../storage/blob-store.ts";
import { applySignals } from "./apply-signals.ts";
import { compactLogs } from "./compact-logs.ts";
import type { Duty } from "./duty.ts";
import { expireArtifacts } from "./expire-artifacts.ts";
import { expireLogs } from "./expire-logs.ts";
import { expireRuns } from "./expire-runs.ts";
import { fireSchedules } from "./fire-schedules.ts";
import { forgetOldChanges } from "./forget-changes.ts";
import { forgetOld } from "./forget-old.ts";
import { makePartitions } from "./make-partitions.ts";
import { purgeRuns } from "./purge-runs.ts";
import { runBulkOperations } from "./run-bulk-operations.ts";
import { sweepBlobs } from "./sweep-blobs.ts";
import { sweepSessions } from "./sweep-sessions.ts";
import { sweepUnfinishedBlobs } from "./sweep-unfinished-blobs.ts";
import { wakeSteps } from "./wake-steps.ts";
import { warnOfPeers } from "./warn-of-peers.ts";

const DUTIES: readonly Duty[] = [
  wakeSteps,
  applySignals,
  expireRuns,
  sweepSessions,
  makePartitions,
  purgeRuns,
  runBulkOperations,
  fireSchedules,
  forgetOld,
  forgetOldChanges,
];

/** What duties work with besides the engine. */
export interface DutyOptions {
  readonly blobs: BlobStore;
  /** How long after a run's end its logs are kept. */
  readonly logRetentionMs: number;
  /** How long artifacts are kept. */
  readonly artifactRetentionMs: number;
  /** Hears nothing of other processes on the same database: there should be none. */
  readonly alone: boolean;
}

export function createDuties(options: DutyOptions): readonly Duty[] {
  const { blobs, logRetentionMs, artifactRetentionMs, alone } = options;
  return [
    ...DUTIES,
    compactLogs(blobs),
    expireLogs(logRetentionMs),
    expireArtifacts(artifactRetentionMs),
    sweepBlobs(blobs),
    sweepUnfinishedBlobs(blobs),
    ...(alone ? [warnOfPeers()] : []),
  ];
}
