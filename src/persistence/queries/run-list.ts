import type { Queryable } from "./queryable.ts";
import { matchingRuns, type RunFilter } from "./run-filter.ts";
import { RUN_COLUMNS, RUN_TABLES, type RunRecord } from "./runs.ts";
import { allOf, Values } from "./values.ts";

export const RUN_ORDER_FIELDS = ["CREATED_AT", "STARTED_AT", "FINISHED_AT", "UPDATED_AT"] as const;
export type RunOrderField = (typeof RUN_ORDER_FIELDS)[number];
export type RunDirection = "ASC" | "DESC";

/** Runs without the moment come last, whichever end comes first. */
export interface RunOrder {
  readonly field: RunOrderField;
  readonly direction: RunDirection;
}

/** Where a page begins: the sort key of its neighbour. */
export interface RunPosition {
  readonly moment: Date | null;
  readonly id: string;
}

export interface RunPage {
  /** Runs of these projects; the caller has checked that the viewer may read them. Null = of all. */
  readonly projectIds: readonly string[] | null;
  readonly filter: RunFilter;
  readonly order: RunOrder;
  /** Read against the order: a page before a position. */
  readonly backward: boolean;
  readonly from: RunPosition | null;
  readonly limit: number;
  readonly offset: number;
}

const ORDER_KEYS = {
  CREATED_AT: { column: "r.created_at", key: "createdAt", missing: false },
  STARTED_AT: { column: "r.started_at", key: "startedAt", missing: true },
  FINISHED_AT: { column: "r.finished_at", key: "finishedAt", missing: true },
  UPDATED_AT: { column: "r.updated_at", key: "updatedAt", missing: false },
} as const;

/** A run's place in the order. */
export function positionOf(run: RunRecord, { field }: RunOrder): RunPosition {
  return { moment: run[ORDER_KEYS[field].key], id: run.id };
}

/** One page by keyset: a deep page costs what the first one costs. */
export async function listRuns(source: Queryable, page: RunPage): Promise<RunRecord[]> {
  const values = new Values();
  const { field, direction } = page.order;
  const { column, missing } = ORDER_KEYS[field];
  const reading = page.backward === (direction === "DESC") ? "asc" : "desc";
  const nulls = missing ? ` nulls ${page.backward ? "first" : "last"}` : "";
  const conditions = allOf([
    matchingRuns(page.projectIds, page.filter, values, "r"),
    page.from === null ? null : beyond(page.from, page, values),
  ]);
  const text = `select ${RUN_COLUMNS} from ${RUN_TABLES} where ${conditions}
    order by ${column} ${reading}${nulls}, r.id ${reading}
    limit ${values.add(page.limit)} offset ${values.add(page.offset)}`;
  return await source.query<RunRecord>({ text }, values.list);
}

/** What is read behind a position. Those without a moment are the end of the list. */
function beyond({ moment, id }: RunPosition, { order, backward }: RunPage, values: Values): string {
  const { column, missing } = ORDER_KEYS[order.field];
  const sign = backward === (order.direction === "DESC") ? ">" : "<";
  if (moment === null) {
    const amongMissing = `(${column} is null and r.id ${sign} ${values.add(id)}::uuid)`;
    return backward ? `(${amongMissing} or ${column} is not null)` : amongMissing;
  }
  const amongKnown = `(${column}, r.id) ${sign} (${values.add(moment)}::timestamptz, ${values.add(id)}::uuid)`;
  return missing && !backward ? `(${amongKnown} or ${column} is null)` : amongKnown;
}

/** How many there are, counted up to `cap` and no further. */
export async function countRuns(
  source: Queryable,
  projectIds: RunPage["projectIds"],
  filter: RunFilter,
  cap: number,
): Promise<number> {
  const values = new Values();
  const text = `select count(*)::integer as count from (
    select from workflow_run r where ${matchingRuns(projectIds, filter, values, "r")}
    limit ${values.add(cap)}) matching`;
  const [row] = await source.query<{ count: number }>({ text }, values.list);
  return row!.count;
}

/** Those of these runs that the filter matches and that nobody deleted. */
export async function matchingAmong(
  source: Queryable,
  ids: readonly string[],
  filter: RunFilter,
): Promise<ReadonlySet<string>> {
  const values = new Values();
  const text = `select r.id from workflow_run r
    where ${allOf([`r.id = any (${values.add(ids)}::uuid[])`, matchingRuns(null, filter, values, "r")])}`;
  const rows = await source.query<{ id: string }>({ text }, values.list);
  return new Set(rows.map(({ id }) => id));
}
