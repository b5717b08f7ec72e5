import { applySignals } from "./apply-signals.ts";
import type { Duty } from "./duty.ts";
import { expireRuns } from "./expire-runs.ts";
import { fireSchedules } from "./fire-schedules.ts";
import { forgetOld } from "./forget-old.ts";
import { makePartitions } from "./make-partitions.ts";
import { purgeRuns } from "./purge-runs.ts";
import { runBulkOperations } from "./run-bulk-operations.ts";
import { sweepSessions } from "./sweep-sessions.ts";
import { wakeSteps } from "./wake-steps.ts";

export const DUTIES: readonly Duty[] = [
  wakeSteps,
  applySignals,
  expireRuns,
  sweepSessions,
  makePartitions,
  purgeRuns,
  runBulkOperations,
  fireSchedules,
  forgetOld,
];
