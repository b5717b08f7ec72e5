import type { BulkAction, BulkOutcome, BulkStatus } from "../../domain/bulk.ts";
import type { Queryable, Statement } from "./queryable.ts";
import { matchingRuns, type RunFilter } from "./run-filter.ts";
import { Values } from "./values.ts";

export interface BulkOperationRecord {
  readonly id: string;
  readonly projectId: string | null;
  readonly action: BulkAction;
  readonly arguments: unknown;
  readonly status: BulkStatus;
  readonly total: number;
  readonly succeeded: number;
  readonly failed: number;
  readonly createdBy: string;
  readonly onlyProjectId: string | null;
  readonly createdAt: Date;
  readonly updatedAt: Date;
  readonly finishedAt: Date | null;
}

export interface BulkItemRecord {
  readonly position: number;
  readonly runId: string;
  readonly outcome: BulkOutcome | null;
  readonly message: string | null;
  readonly newRunId: string | null;
}

export const BULK_COLUMNS = `id, project_id as "projectId", action, arguments, status, total, succeeded, failed,
  created_by as "createdBy", only_project_id as "onlyProjectId", created_at as "createdAt",
  updated_at as "updatedAt", finished_at as "finishedAt"`;
const FIND: Statement = {
  name: "find-bulk-operations",
  text: `select ${BULK_COLUMNS} from bulk_operation where id = any ($1)`,
};
const LIST: Statement = {
  name: "list-bulk-operations",
  text: `select ${BULK_COLUMNS} from bulk_operation
    where created_by = $1 and ($2::uuid is null or only_project_id = $2)
      and ($3::timestamptz is null or (created_at, id) < ($3, $4::uuid))
    order by created_at desc, id desc limit $5`,
};
const COUNT: Statement = {
  name: "count-bulk-operations",
  text: `select count(*)::integer as count from (select from bulk_operation
    where created_by = $1 and ($2::uuid is null or only_project_id = $2) limit $3) found`,
};
const ITEMS: Statement = {
  name: "bulk-items",
  text: `select position, run_id as "runId", outcome, message, new_run_id as "newRunId"
    from bulk_operation_item where operation_id = $1 and position > $2 order by position limit $3`,
};
export async function findBulkOperations(
  source: Queryable,
  ids: readonly string[],
): Promise<BulkOperationRecord[]> {
  return await source.query<BulkOperationRecord>(FIND, [ids]);
}

export interface BulkPage {
  readonly createdBy: string;
  /** Only those that were asked for with a token for this project. */
  readonly onlyProjectId: string | null;
  readonly after: { readonly createdAt: Date; readonly id: string } | null;
  readonly limit: number;
}

/** Newest first. */
export async function listBulkOperations(source: Queryable, page: BulkPage): Promise<BulkOperationRecord[]> {
  const { createdBy, onlyProjectId, after, limit } = page;
  const position = [after?.createdAt ?? null, after?.id ?? null];
  return await source.query<BulkOperationRecord>(LIST, [createdBy, onlyProjectId, ...position, limit]);
}

export async function countBulkOperations(
  source: Queryable,
  { createdBy, onlyProjectId }: Pick<BulkPage, "createdBy" | "onlyProjectId">,
  cap: number,
): Promise<number> {
  const [row] = await source.query<{ count: number }>(COUNT, [createdBy, onlyProjectId, cap]);
  return row!.count;
}

export async function bulkItems(
  source: Queryable,
  operationId: string,
  after: number,
  limit: number,
): Promise<BulkItemRecord[]> {
  return await source.query<BulkItemRecord>(ITEMS, [operationId, after, limit]);
}

/** Runs of these projects that match, oldest first; one more than `limit` tells that there are more. */
export async function selectRunIds(
  source: Queryable,
  projectIds: readonly string[],
  filter: RunFilter,
  limit: number,
): Promise<string[]> {
  const values = new Values();
  const text = `select r.id from workflow_run r where ${matchingRuns(projectIds, filter, values, "r")}
    order by r.id limit ${values.add(limit + 1)}`;
  return (await source.query<{ id: string }>({ text }, values.list)).map(({ id }) => id);
}
