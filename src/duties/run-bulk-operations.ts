import { continueBulk, leaseEnd, viewerOfBulk } from "../actions/bulk-runs.ts";
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
    if (viewer === null) await abortBulk(database, operation.id, clock.now());
    else await continueBulk(engine, viewer, operation, signal);
    return 0;
  },
};
