/** What can be done to many runs at once. */
export const BULK_ACTIONS = ["CANCEL", "RETRY", "REPLAY", "DELETE", "LABEL"] as const;
export type BulkAction = (typeof BULK_ACTIONS)[number];

/** What became of one run of a bulk operation; the first five are what was asked for. */
export const BULK_OUTCOMES = [
  "CANCELED",
  "CANCELING",
  "REPLAYED",
  "DELETED",
  "LABELED",
  "ALREADY_COMPLETED",
  "ALREADY_CANCELED",
  "NOT_ELIGIBLE",
  "NOT_FOUND",
  "FORBIDDEN",
  "ERROR",
] as const;
export type BulkOutcome = (typeof BULK_OUTCOMES)[number];

const SUCCESSES: ReadonlySet<BulkOutcome> = new Set(BULK_OUTCOMES.slice(0, 5));

export function isBulkSuccess(outcome: BulkOutcome): boolean {
  return SUCCESSES.has(outcome);
}

/** ABORTED: somebody stopped it; what was done stays done. */
export const BULK_STATUSES = ["RUNNING", "COMPLETED", "ABORTED"] as const;
export type BulkStatus = (typeof BULK_STATUSES)[number];
