import type { Duty } from "./duty.ts";
import { expireRuns } from "./expire-runs.ts";
import { makePartitions } from "./make-partitions.ts";
import { sweepSessions } from "./sweep-sessions.ts";
import { wakeSteps } from "./wake-steps.ts";

export const DUTIES: readonly Duty[] = [wakeSteps, expireRuns, sweepSessions, makePartitions];
