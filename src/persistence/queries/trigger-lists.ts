import { BEFORE_ALL, type NamedPosition } from "./named-position.ts";
import type { Queryable, Statement } from "./queryable.ts";

/** What schedules and webhooks have in common: they belong to a workflow and are listed by name. */

/** Those of these projects, or of one workflow in them. */
export interface TriggerScope {
  readonly projectIds: readonly string[];
  readonly workflowId: string | null;
}

const IN_SCOPE = "project_id = any ($1) and ($2::uuid is null or workflow_id = $2)";

/** The reads of one kind of trigger, which is a table of its own. */
export function triggerReads<Row extends object>(table: "schedule" | "webhook", columns: string) {
  const find: Statement = {
    name: `find-${table}s`,
    text: `select ${columns} from ${table} where id = any ($1)`,
  };
  const list: Statement = {
    name: `list-${table}s`,
    text: `select ${columns} from ${table} where ${IN_SCOPE} and (name, id) > ($3, $4) order by name, id limit $5`,
  };
  const count: Statement = {
    name: `count-${table}s`,
    text: `select count(*)::integer as count from (select from ${table} where ${IN_SCOPE} limit $3) matching`,
  };
  return {
    find: async (source: Queryable, ids: readonly string[]) => await source.query<Row>(find, [ids]),
    list: async (
      source: Queryable,
      { projectIds, workflowId }: TriggerScope,
      after: NamedPosition | null,
      limit: number,
    ) => {
      const { name, id } = after ?? BEFORE_ALL;
      return await source.query<Row>(list, [projectIds, workflowId, name, id, limit]);
    },
    count: async (source: Queryable, { projectIds, workflowId }: TriggerScope, cap: number) => {
      const [row] = await source.query<{ count: number }>(count, [projectIds, workflowId, cap]);
      return row!.count;
    },
  };
}
