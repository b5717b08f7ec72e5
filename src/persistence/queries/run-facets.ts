import type { Queryable } from "./queryable.ts";
import type { RunSelection } from "./run-counts.ts";
import { matchingRuns } from "./run-filter.ts";
import { Values } from "./values.ts";

export interface FacetRow {
  readonly kind: "BRANCH" | "AUTHOR" | "LABEL";
  /** A label's key; null for the other kinds. */
  readonly key: string | null;
  /** A branch, the key of an account, a label's value. */
  readonly value: string;
  readonly count: number;
  /** Runs that have the label, whatever its value. */
  readonly keyCount: number;
}

/** What the matching runs differ in, and how many runs have each value; the most frequent first. */
export async function runFacets(
  source: Queryable,
  { projectIds, filter }: RunSelection,
  limit: number,
): Promise<FacetRow[]> {
  const values = new Values();
  const matching = matchingRuns(projectIds, filter, values, "r");
  const most = values.add(limit);
  const text = `with matching as materialized (
      select r.branch, r.created_by, r.labels from workflow_run r where ${matching}
    ), labelled as (
      select l.key, l.value, count(*) as count from matching m cross join jsonb_each_text(m.labels) l group by l.key, l.value
    ), ranked as (
      select key, value, count, sum(count) over (partition by key) as key_count,
        row_number() over (partition by key order by count desc, value) as place
      from labelled
    ), labels as (
      select *, dense_rank() over (order by key_count desc, key) as key_place from ranked
    )
    (select 'BRANCH' as kind, null as key, branch as value, count(*)::integer as count, 0 as "keyCount"
      from matching where branch is not null group by branch order by count(*) desc, branch limit ${most})
    union all
    (select 'AUTHOR', null, created_by::text, count(*)::integer, 0
      from matching group by created_by order by count(*) desc, created_by limit ${most})
    union all
    (select 'LABEL', key, value, count::integer, key_count::integer
      from labels where place <= ${most} and key_place <= ${most} order by key_place, place)`;
  return await source.query<FacetRow>({ text }, values.list);
}
