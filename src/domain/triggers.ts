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
