import type { StepRunStatus } from "../../domain/statuses.ts";
import type { Queryable } from "./queryable.ts";
import { STEP_COLUMNS, STEP_TABLES, type StepRecord } from "./steps.ts";
import { allOf, oneOf, type Span, Values, when, within } from "./values.ts";

/** Which steps, of all runs. Null = no condition, an empty list = none match. */
export interface StepFilter {
  readonly status: readonly StepRunStatus[] | null;
  readonly stepRef: string | null;
  readonly type: readonly string[] | null;
  readonly workflowIds: readonly string[] | null;
  readonly runIds: readonly string[] | null;
  readonly queue: string | null;
  /** Labels that it asks of its runner, all of them. */
  readonly labels: readonly string[] | null;
  readonly started: Span | null;
}

export interface StepPosition {
  readonly createdAt: Date;
  readonly runId: string;
  readonly index: number;
}

export interface StepListPage {
  readonly projectIds: readonly string[];
  readonly filter: StepFilter;
  readonly backward: boolean;
  readonly from: StepPosition | null;
  readonly limit: number;
  readonly offset: number;
}

function conditionsOf(projectIds: readonly string[], filter: StepFilter, values: Values): string {
  return allOf([
    oneOf("r.project_id", "uuid", projectIds, values),
    when(filter.status, (list) => oneOf("s.status", "step_run_status", list, values)),
    when(filter.stepRef, (ref) => `w.ref = ${values.add(ref)}::text`),
    when(filter.type, (list) => oneOf("w.type", "text", list, values)),
    when(filter.workflowIds, (ids) => oneOf("r.workflow_id", "uuid", ids, values)),
    when(filter.runIds, (ids) => oneOf("r.id", "uuid", ids, values)),
    when(filter.queue, (queue) => `p.queue = ${values.add(queue)}::text`),
    when(filter.labels, (labels) => `p.labels @> ${values.add(labels)}::text[]`),
    within("s.started_at", filter.started, values),
  ]);
}

/** Steps of many runs: those of the newest run first, and of each run its last step first. */
export async function listSteps(source: Queryable, page: StepListPage): Promise<StepRecord[]> {
  const values = new Values();
  const [sign, reading] = page.backward ? [">", "asc"] : ["<", "desc"];
  const beyond = when(page.from, ({ createdAt, runId, index }) => {
    const run = `${values.add(createdAt)}::timestamptz, ${values.add(runId)}::uuid`;
    // The first half alone finds its rows in the index of runs.
    return `(r.created_at, r.id) ${sign}= (${run})
      and (r.created_at, r.id, s.idx) ${sign} (${run}, ${values.add(index)}::integer)`;
  });
  const text = `select ${STEP_COLUMNS} from ${STEP_TABLES}
    where ${allOf([conditionsOf(page.projectIds, page.filter, values), beyond])}
    order by r.created_at ${reading}, r.id ${reading}, s.idx ${reading}
    limit ${values.add(page.limit)} offset ${values.add(page.offset)}`;
  return await source.query<StepRecord>({ text }, values.list);
}

/** How many there are, counted up to `cap` and no further. */
export async function countSteps(
  source: Queryable,
  projectIds: readonly string[],
  filter: StepFilter,
  cap: number,
): Promise<number> {
  const values = new Values();
  const text = `select count(*)::integer as count from (
    select from ${STEP_TABLES} where ${conditionsOf(projectIds, filter, values)} limit ${values.add(cap)}) matching`;
  const [row] = await source.query<{ count: number }>({ text }, values.list);
  return row!.count;
}
