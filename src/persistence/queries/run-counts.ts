import type { Queryable } from "./queryable.ts";
import { matchingRuns, type RunFilter } from "./run-filter.ts";
import { Values } from "./values.ts";

/** Runs of these projects, which the caller may read, that match the filter. */
export interface RunSelection {
  readonly projectIds: readonly string[];
  readonly filter: RunFilter;
}

export interface CountedGroup {
  readonly key: string;
  readonly count: number;
}

export async function countByStatus(source: Queryable, selection: RunSelection): Promise<CountedGroup[]> {
  return await countBy(source, selection, () => "r.status::text");
}

/** By the value of a label; runs without the label are in no group. The biggest groups first. */
export async function countByLabel(
  source: Queryable,
  selection: RunSelection,
  labelKey: string,
  limit: number,
): Promise<CountedGroup[]> {
  return await countBy(source, selection, (values) => `r.labels ->> ${values.add(labelKey)}::text`, limit);
}

async function countBy(
  source: Queryable,
  { projectIds, filter }: RunSelection,
  keyOf: (values: Values) => string,
  limit: number | null = null,
): Promise<CountedGroup[]> {
  const values = new Values();
  const text = `select key, count(*)::integer as count
    from (select ${keyOf(values)} as key from workflow_run r where ${matchingRuns(projectIds, filter, values, "r")}) matching
    where key is not null group by key order by count desc, key limit ${values.add(limit)}`;
  return await source.query<CountedGroup>({ text }, values.list);
}

export interface CountedWorkflow extends CountedGroup {
  readonly name: string;
}

/** Every workflow of the projects, also those without such a run; the biggest groups first. */
export async function countByWorkflow(
  source: Queryable,
  { projectIds, filter }: RunSelection,
  limit: number,
): Promise<CountedWorkflow[]> {
  const values = new Values();
  const text = `select w.id as key, w.name, coalesce(m.count, 0)::integer as count
    from workflow w
    left join (
      select r.workflow_id, count(*) as count from workflow_run r
      where ${matchingRuns(projectIds, filter, values, "r")} group by r.workflow_id
    ) m on m.workflow_id = w.id
    where w.project_id = any (${values.add(projectIds)}::uuid[])
      and (${values.add(filter.workflowIds ?? null)}::uuid[] is null or w.id = any ($${values.list.length}::uuid[]))
    order by count desc, w.name, w.id limit ${values.add(limit)}`;
  return await source.query<CountedWorkflow>({ text }, values.list);
}

/**
 * By the day of creation in a time zone: every day from the first to the last, or between the filter's bounds, and at
 * most `limit` of them.
 */
export async function countByDay(
  source: Queryable,
  { projectIds, filter }: RunSelection,
  timeZone: string,
  limit: number,
): Promise<CountedGroup[]> {
  const values = new Values();
  const zone = `${values.add(timeZone)}::text`;
  const { gte = null, lt = null } = filter.created ?? {};
  const text = `with counted as (
      select (r.created_at at time zone ${zone})::date as day, count(*)::integer as count from workflow_run r
      where ${matchingRuns(projectIds, filter, values, "r")} group by 1
    ), bounds as (
      select coalesce((${values.add(gte)}::timestamptz at time zone ${zone})::date, min(day)) as first,
        coalesce(((${values.add(lt)}::timestamptz - interval '1 microsecond') at time zone ${zone})::date, max(day)) as last
      from counted
    )
    select to_char(first + n, 'YYYY-MM-DD') as key, coalesce(c.count, 0) as count
    from bounds cross join generate_series(0, case when last >= first then least(last - first, ${values.add(limit)} - 1) end) n
    left join counted c on c.day = first + n order by n`;
  return await source.query<CountedGroup>({ text }, values.list);
}
