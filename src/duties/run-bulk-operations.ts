import type { BulkItemResult } from "../actions/bulk-item.ts";
import { continueBulk, leaseEnd, viewerOfBulk } from "../actions/bulk-runs.ts";
import { BusyError } from "../domain/refusals.ts";
import { abortBulk, leaseBulkOperation } from "../persistence/bulk-store.ts";
import type { Duty } from "./duty.ts";

/** Works on bulk operations that are too big to be waited for, and on those whose caller went away half-way. */
export const runBulkOperations: Duty = {
  name: "run-bulk-operations",
  everyMs: 1_000,
  async run(engine, signal) {
    const { database, clock } = engine;
    const operation = await leaseBulkOperation(database, clock.now(), leaseEnd(engine));
    if (operation === null) return undefined;
    const viewer = await viewerOfBulk(engine, operation);
    // Whoever asked for it may do nothing any more.
    if (viewer === null) {
      await abortBulk(database, operation.id, clock.now());
      return 0;
    }
    const errors: unknown[] = [];
    const onFault = (error: unknown, runId: string): BulkItemResult => {
      errors.push(new Error(`run ${runId} of bulk operation ${operation.id} failed`, { cause: error }));
      return {
        outcome: "ERROR",
        success: false,
        message: error instanceof BusyError ? error.message : "internal error",
        newRunId: null,
      };
    };
    await continueBulk(engine, viewer, operation, onFault, signal);
    if (errors.length > 0)
      throw new AggregateError(errors, `${errors.length} runs of a bulk operation failed`);
    return 0;
  },
};
