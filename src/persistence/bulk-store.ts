import type { BulkAction, BulkOutcome, BulkStatus } from "../domain/bulk.ts";
import type { Clock } from "../domain/clock.ts";
import type { Transaction } from "./database.ts";
import { newKey } from "./keys.ts";
import { BULK_COLUMNS, type BulkItemRecord, type BulkOperationRecord } from "./queries/bulk-operations.ts";
import type { Queryable, Statement } from "./queries/queryable.ts";

export interface NewBulkOperation {
  readonly projectId: string | null;
  readonly action: BulkAction;
  readonly arguments: unknown;
  readonly createdBy: string;
  readonly onlyProjectId: string | null;
  readonly runIds: readonly string[];
  /** How long its maker has before somebody else goes on with it; null = whoever comes first. */
  readonly leasedUntil: Date | null;
}

export type BulkItemEnd = Pick<BulkItemRecord, "position" | "message" | "newRunId"> & {
  readonly outcome: BulkOutcome;
  readonly success: boolean;
};

const ADD: Statement = {
  name: "add-bulk-operation",
  text: `insert into bulk_operation (id, project_id, action, arguments, status, total, created_by, only_project_id,
      created_at, updated_at, leased_until, finished_at)
    values ($1, $2, $3, $4, $5::bulk_status, $6, $7, $8, $9, $9, $10,
      case when $5::bulk_status = 'COMPLETED' then $9::timestamptz end)`,
};
const ADD_ITEMS: Statement = {
  name: "add-bulk-items",
  text: `insert into bulk_operation_item (operation_id, position, run_id)
    select $1, i.position, i.run_id from unnest($2::uuid[]) with ordinality i(run_id, position)`,
};
const OPEN_ITEMS: Statement = {
  name: "open-bulk-items",
  text: `select position, run_id as "runId", outcome, message, new_run_id as "newRunId"
    from bulk_operation_item where operation_id = $1 and outcome is null and position > $2
    order by position limit $3`,
};
const LEASE: Statement = {
  name: "lease-bulk-operation",
  text: `update bulk_operation set leased_until = $2 where id = (
      select id from bulk_operation where status = 'RUNNING' and (leased_until is null or leased_until <= $1)
      order by id limit 1 for update skip locked)
    returning ${BULK_COLUMNS}`,
};
/** Only items that are still open count: two replicas may have done the same one, to the same effect. */
const END_ITEMS: Statement = {
  name: "end-bulk-items",
  text: `with ended as (
      update bulk_operation_item i set outcome = d.outcome, message = d.message, new_run_id = d.new_run_id,
        done_at = $3
      from jsonb_to_recordset($2) as d(position integer, outcome text, message text, new_run_id uuid, success boolean)
      where i.operation_id = $1 and i.position = d.position and i.outcome is null
      returning d.success
    )
    update bulk_operation o set succeeded = o.succeeded + e.succeeded, failed = o.failed + e.failed, updated_at = $3,
      leased_until = $4,
      status = case when o.status = 'RUNNING' and o.succeeded + e.succeeded + o.failed + e.failed = o.total
        then 'COMPLETED' else o.status end,
      finished_at = case when o.succeeded + e.succeeded + o.failed + e.failed = o.total then $3 else o.finished_at end
    from (select count(*) filter (where success)::integer as succeeded,
        count(*) filter (where not success)::integer as failed from ended) e
    where o.id = $1 returning o.status`,
};
const ABORT: Statement = {
  name: "abort-bulk-operation",
  text: `update bulk_operation set status = 'ABORTED', finished_at = $2, updated_at = $2
    where id = $1 and status = 'RUNNING' returning true as aborted`,
};

/** Freezes the selection: what is done later is done to these runs, whatever they match by then. */
export async function addBulkOperation(
  transaction: Transaction,
  operation: NewBulkOperation,
  clock: Clock,
): Promise<string> {
  const id = newKey(clock);
  const { runIds } = operation;
  await transaction.query(ADD, [
    id,
    operation.projectId,
    operation.action,
    JSON.stringify(operation.arguments),
    runIds.length === 0 ? "COMPLETED" : "RUNNING",
    runIds.length,
    operation.createdBy,
    operation.onlyProjectId,
    clock.now(),
    operation.leasedUntil,
  ]);
  if (runIds.length > 0) await transaction.query(ADD_ITEMS, [id, runIds]);
  return id;
}

export async function openBulkItems(
  source: Queryable,
  operationId: string,
  after: number,
  limit: number,
): Promise<BulkItemRecord[]> {
  return await source.query<BulkItemRecord>(OPEN_ITEMS, [operationId, after, limit]);
}

/** An operation that nobody works on, which is ours until `until`; null when there is none. */
export async function leaseBulkOperation(
  source: Queryable,
  now: Date,
  until: Date,
): Promise<BulkOperationRecord | null> {
  const [row] = await source.query<BulkOperationRecord>(LEASE, [now, until]);
  return row ?? null;
}

/** Notes what became of items. @returns the operation's status then */
export async function endBulkItems(
  source: Queryable,
  operationId: string,
  ends: readonly BulkItemEnd[],
  now: Date,
  leasedUntil: Date | null,
): Promise<BulkStatus> {
  const rows = ends.map(({ newRunId, ...end }) => ({ ...end, new_run_id: newRunId }));
  const values = [operationId, JSON.stringify(rows), now, leasedUntil];
  const [row] = await source.query<{ status: BulkStatus }>(END_ITEMS, values);
  return row!.status;
}

export async function abortBulk(source: Queryable, id: string, now: Date): Promise<boolean> {
  return (await source.query(ABORT, [id, now])).length > 0;
}
