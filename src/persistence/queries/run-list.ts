import type { WorkflowRunStatus } from "../../domain/statuses.ts";
import type { RunTriggerType } from "../../domain/triggers.ts";
import type { Queryable } from "./queryable.ts";
import { RUN_COLUMNS, RUN_TABLES, type RunRecord } from "./runs.ts";

export const LABEL_OPERATORS = ["EQ", "IN", "NOT_IN", "EXISTS", "NOT_EXISTS"] as const;
export type LabelOperator = (typeof LABEL_OPERATORS)[number];

export interface LabelCondition {
  readonly key: string;
  readonly op: LabelOperator;
  readonly values: readonly string[];
}

/** Which runs: every condition that is given must hold. Null = no condition, an empty list = none match. */
export interface RunFilter {
  readonly ids: readonly string[] | null;
  readonly workflowIds: readonly string[] | null;
  readonly status: readonly WorkflowRunStatus[] | null;
  readonly trigger: readonly RunTriggerType[] | null;
  readonly branch: string | null;
  /** Prefix of the commit's hash. */
  readonly commit: string | null;
  readonly createdFrom: Date | null;
  readonly createdBefore: Date | null;
  /** All of them must hold. */
  readonly labels: readonly LabelCondition[] | null;
}

export type RunDirection = "ASC" | "DESC";

/** Where a page begins: the sort key of its neighbour. */
export interface RunPosition {
  readonly createdAt: Date;
  readonly id: string;
}

export interface RunPage {
  /** Runs of these projects; the caller has checked that the viewer may read them. Null = of all. */
  readonly projectIds: readonly string[] | null;
  readonly filter: RunFilter;
  readonly direction: RunDirection;
  readonly after: RunPosition | null;
  readonly limit: number;
  readonly offset: number;
}

/** Collects conditions and their values; `$n` is written by `value`. */
class Conditions {
  readonly texts: string[] = [];
  readonly values: unknown[] = [];

  value(value: unknown): string {
    this.values.push(value);
    return `$${this.values.length}`;
  }

  add(value: unknown, condition: (parameter: string) => string): void {
    if (value !== null) this.texts.push(condition(this.value(value)));
  }

  get where(): string {
    return this.texts.length === 0 ? "" : `where ${this.texts.join(" and ")}`;
  }
}

function conditionsOf(projectIds: RunPage["projectIds"], filter: RunFilter): Conditions {
  const conditions = new Conditions();
  conditions.add(projectIds, (p) => `r.project_id = any (${p}::uuid[])`);
  conditions.add(filter.ids, (p) => `r.id = any (${p}::uuid[])`);
  conditions.add(filter.workflowIds, (p) => `r.workflow_id = any (${p}::uuid[])`);
  conditions.add(filter.status, (p) => `r.status = any (${p}::workflow_run_status[])`);
  conditions.add(filter.trigger, (p) => `r.trigger_type = any (${p}::run_trigger_type[])`);
  conditions.add(filter.branch, (p) => `r.branch = ${p}`);
  conditions.add(filter.commit, (p) => `starts_with(r.commit, ${p})`);
  conditions.add(filter.createdFrom, (p) => `r.created_at >= ${p}`);
  conditions.add(filter.createdBefore, (p) => `r.created_at < ${p}`);
  for (const label of filter.labels ?? []) conditions.texts.push(labelCondition(conditions, label));
  return conditions;
}

function labelCondition(conditions: Conditions, { key, op, values }: LabelCondition): string {
  const value = `r.labels ->> ${conditions.value(key)}::text`;
  if (op === "EXISTS") return `${value} is not null`;
  if (op === "NOT_EXISTS") return `${value} is null`;
  const matches = `coalesce(${value} = any (${conditions.value(values)}::text[]), false)`;
  return op === "NOT_IN" ? `not ${matches}` : matches;
}

/** One page by keyset: a deep page costs what the first one costs. */
export async function listRuns(source: Queryable, page: RunPage): Promise<RunRecord[]> {
  const conditions = conditionsOf(page.projectIds, page.filter);
  if (page.after !== null) {
    const { createdAt, id } = page.after;
    const before = page.direction === "DESC" ? "<" : ">";
    conditions.texts.push(
      `(r.created_at, r.id) ${before} (${conditions.value(createdAt)}::timestamptz, ${conditions.value(id)}::uuid)`,
    );
  }
  const { direction } = page;
  const text = `select ${RUN_COLUMNS} from ${RUN_TABLES} ${conditions.where}
    order by r.created_at ${direction}, r.id ${direction}
    limit ${conditions.value(page.limit)} offset ${conditions.value(page.offset)}`;
  return await source.query<RunRecord>({ text }, conditions.values);
}

/** How many there are, counted up to `cap` and no further. */
export async function countRuns(
  source: Queryable,
  projectIds: RunPage["projectIds"],
  filter: RunFilter,
  cap: number,
): Promise<number> {
  const conditions = conditionsOf(projectIds, filter);
  const text = `select count(*)::integer as count from (
    select from workflow_run r ${conditions.where} limit ${conditions.value(cap)}) matching`;
  const [row] = await source.query<{ count: number }>({ text }, conditions.values);
  return row!.count;
}
