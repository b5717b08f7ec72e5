/** What made a run. */
export const RUN_TRIGGER_TYPES = [
  "MANUAL",
  "API",
  "SCHEDULE",
  "WEBHOOK",
  "RETRY",
  "CHAIN",
  "PARENT",
] as const;
export type RunTriggerType = (typeof RUN_TRIGGER_TYPES)[number];

/**
 * What a schedule does about times that passed while no server ran: nothing, one run for all of them, or one run
 * for each.
 */
export const MISSED_RUNS = ["SKIP", "RUN_ONCE", "RUN_ALL"] as const;
export type MissedRuns = (typeof MISSED_RUNS)[number];
