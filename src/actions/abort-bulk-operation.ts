import type { Viewer } from "../domain/access.ts";
import { encodeId } from "../domain/ids.ts";
import { invalidState, notFound } from "../domain/refusals.ts";
import type { Engine } from "../orchestration/transition.ts";
import { addAuditEntry } from "../persistence/audit-store.ts";
import { abortBulk } from "../persistence/bulk-store.ts";
import { findBulkOperations } from "../persistence/queries/bulk-operations.ts";

const PATH = "input.bulkOperationId";

/** Bulk operations are their creator's own; whoever manages the installation sees them all. */
export function maySeeBulk(
  viewer: Viewer,
  { createdBy, onlyProjectId }: { readonly createdBy: string; readonly onlyProjectId: string | null },
): boolean {
  if (viewer.onlyProjectId !== null && viewer.onlyProjectId !== onlyProjectId) return false;
  return viewer.systemAdmin || viewer.accountId === createdBy;
}

/** Stops a bulk operation: what was done stays done, the rest is left alone. Aborting it again changes nothing. */
export async function abortBulkOperation(engine: Engine, viewer: Viewer, operationId: string): Promise<void> {
  const { database, clock } = engine;
  const [operation] = await findBulkOperations(database, [operationId]);
  if (operation === undefined || !maySeeBulk(viewer, operation)) throw notFound(PATH);
  await database.transaction(async (transaction) => {
    if (await abortBulk(transaction, operationId, clock.now())) {
      const target = encodeId("BulkOperation", operationId);
      const record = { projectId: null, actorId: viewer.accountId, action: "abortBulkOperation", target };
      await addAuditEntry(transaction, { ...record, details: {} }, clock);
      return;
    }
    const [now] = await findBulkOperations(transaction, [operationId]);
    if (now!.status === "COMPLETED") {
      throw invalidState(PATH, "the operation is completed", "COMPLETED", ["RUNNING"]);
    }
  });
}
