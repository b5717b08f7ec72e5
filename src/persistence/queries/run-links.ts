import type { Queryable, Statement } from "./queryable.ts";
import { RUN_COLUMNS, RUN_TABLES, type RunRecord } from "./runs.ts";
import type { StepPlace } from "./steps.ts";

/** How runs hang together. */

/** Lists of linked runs end here; whoever needs more filters runs by the link. */
export const MAX_LINKED_RUNS = 100;

export type LinkedRun = RunRecord & { readonly ofRunId: string };

function linkedRuns(name: string, link: string): Statement {
  return {
    name,
    text: `select k.id as "ofRunId", l.* from unnest($1::uuid[]) k(id)
      cross join lateral (
        select ${RUN_COLUMNS} from ${RUN_TABLES} where r.${link} = k.id and r.deleted_at is null
        order by r.created_at, r.id limit ${MAX_LINKED_RUNS}
      ) l order by l."createdAt", l.id`,
  };
}

const RETRIES = linkedRuns("retries-of-runs", "retry_of_id");
const CHILDREN = linkedRuns("children-of-runs", "parent_run_id");
const PREVIOUS: Statement = {
  name: "previous-runs",
  text: `select k.id as "ofRunId", l.* from unnest($1::uuid[]) k(id)
    join workflow_run next on next.id = k.id
    cross join lateral (
      select ${RUN_COLUMNS} from ${RUN_TABLES}
      where r.workflow_id = next.workflow_id and r.number < next.number and r.deleted_at is null
      order by r.number desc limit 1
    ) l`,
};

export async function retriesOfRuns(source: Queryable, runIds: readonly string[]): Promise<LinkedRun[]> {
  return await source.query<LinkedRun>(RETRIES, [runIds]);
}

export async function childrenOfRuns(source: Queryable, runIds: readonly string[]): Promise<LinkedRun[]> {
  return await source.query<LinkedRun>(CHILDREN, [runIds]);
}

/** The run of the same workflow before each of these, if it still exists. */
export async function previousRuns(source: Queryable, runIds: readonly string[]): Promise<LinkedRun[]> {
  return await source.query<LinkedRun>(PREVIOUS, [runIds]);
}

export type ChildRun = RunRecord & StepPlace;

/** The newest run that each of these steps has made. */
const CHILD_OF_STEPS: Statement = {
  name: "children-of-steps",
  text: `select k.run_id as "runId", k.idx as index, l.* from unnest($1::uuid[], $2::integer[]) k(run_id, idx)
    cross join lateral (
      select ${RUN_COLUMNS} from ${RUN_TABLES}
      where r.parent_run_id = k.run_id and r.parent_step_idx = k.idx and r.deleted_at is null
      order by r.parent_attempt desc limit 1
    ) l`,
};

export async function childrenOfSteps(source: Queryable, places: readonly StepPlace[]): Promise<ChildRun[]> {
  return await source.query<ChildRun>(CHILD_OF_STEPS, [
    places.map(({ runId }) => runId),
    places.map(({ index }) => index),
  ]);
}

export interface EstimateRecord {
  readonly id: string;
  readonly durationMs: number;
}

/** The newest successes tell how long a run takes; among so many runs they are looked for. */
const ESTIMATES: Statement = {
  name: "estimate-durations",
  text: `select k.id, l.ms as "durationMs" from unnest($1::uuid[]) k(id)
    cross join lateral (
      select round(percentile_cont(0.5) within group (order by ms)) as ms from (
        select (extract(epoch from greatest(n.finished_at - n.started_at, interval '0')) * 1000)::float8 as ms from (
          select r.status, r.started_at, r.finished_at, r.created_at, r.id from workflow_run r
          where r.workflow_id = k.id and r.deleted_at is null order by r.created_at desc, r.id desc limit 500
        ) n
        where n.status = 'SUCCEEDED' and n.started_at is not null order by n.created_at desc, n.id desc limit 20
      ) newest
    ) l where l.ms is not null`,
};

/** How long a run of each workflow usually takes: the median of its last 20 successes. */
export async function estimateDurations(
  source: Queryable,
  workflowIds: readonly string[],
): Promise<EstimateRecord[]> {
  return await source.query<EstimateRecord>(ESTIMATES, [workflowIds]);
}
