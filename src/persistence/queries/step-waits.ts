import type { WorkflowRunStatus } from "../../domain/statuses.ts";
import type { Queryable, Statement } from "./queryable.ts";
import { STEP_COLUMNS, STEP_TABLES, type StepPlace, type StepRecord } from "./steps.ts";

/** What holds steps back. */

/** So many others are named as the ones that are waited for. */
const NAMED = 10;
const ENDED = "'SUCCEEDED', 'FAILED', 'TIMED_OUT', 'CANCELED', 'SKIPPED'";

export interface OpenNeeds extends StepPlace {
  readonly runStatus: WorkflowRunStatus;
  /** Refs of its needs that have not ended, at most 10. */
  readonly needs: readonly string[];
  /** Refs of open steps of earlier stages, when it waits for those too; at most 10. */
  readonly barrier: readonly string[];
}

const OPEN_NEEDS: Statement = {
  name: "open-needs",
  text: `select k.run_id as "runId", k.idx as index, r.status as "runStatus",
      array(
        select n.ref from workflow_step n join step_run d on d.run_id = k.run_id and d.idx = n.idx
        where n.version_id = w.version_id and n.idx = any (w.needs) and d.status not in (${ENDED})
        order by n.idx limit ${NAMED}
      ) as needs,
      case when w.behind_barrier then array(
        select n.ref from step_run d join workflow_step n on n.version_id = w.version_id and n.idx = d.idx
        where d.run_id = k.run_id and d.stage_idx < w.stage_idx and d.status not in (${ENDED})
        order by d.idx limit ${NAMED}
      ) else '{}' end as barrier
    from unnest($1::uuid[], $2::integer[]) k(run_id, idx)
    join workflow_run r on r.id = k.run_id
    join workflow_step w on w.version_id = r.workflow_version_id and w.idx = k.idx`,
};

export async function openNeeds(source: Queryable, places: readonly StepPlace[]): Promise<OpenNeeds[]> {
  return await source.query<OpenNeeds>(OPEN_NEEDS, [
    places.map(({ runId }) => runId),
    places.map(({ index }) => index),
  ]);
}

export interface RunActivity {
  readonly id: string;
  readonly status: WorkflowRunStatus;
  /** Steps that a runner holds or executes. */
  readonly held: number;
  /** Their refs, at most 10. */
  readonly heldRefs: readonly string[];
}

const ACTIVITY: Statement = {
  name: "run-activity",
  text: `select r.id, r.status, coalesce(a.held, 0)::integer as held, coalesce(a.refs, '{}') as "heldRefs"
    from workflow_run r
    left join lateral (
      select count(*) as held, (array_agg(w.ref order by s.idx))[1:${NAMED}] as refs
      from step_run s join workflow_step w on w.version_id = r.workflow_version_id and w.idx = s.idx
      where s.run_id = r.id and (s.status in ('RUNNING', 'CANCELING') or s.session_id is not null)
    ) a on true
    where r.id = any ($1)`,
};

/** What executes in these runs now. */
export async function runActivity(source: Queryable, runIds: readonly string[]): Promise<RunActivity[]> {
  return await source.query<RunActivity>(ACTIVITY, [runIds]);
}

/** The runners that serve a queue with a set of labels. */
export interface PoolSupply {
  readonly id: number;
  /** Those that are online. */
  readonly runners: number;
  /** Steps that they can execute at once. */
  readonly capacity: number;
  /** Steps that they hold. */
  readonly held: number;
  /** Some of those: only steps of the queue's own project, at most 10. */
  readonly holders: readonly StepPlace[];
}

const SUPPLY: Statement = {
  name: "pool-supply",
  text: `select p.id, count(n.id)::integer as runners, coalesce(sum(n.capacity), 0)::integer as capacity,
      coalesce(sum(n.held), 0)::integer as held,
      coalesce((
        select json_agg(json_build_object('runId', h.run_id, 'index', h.idx)) from (
          select s.run_id, s.idx from step_run s join workflow_run r on r.id = s.run_id
          where s.session_id = any (array_agg(n.id)) and r.project_id = p.project_id and r.deleted_at is null
          order by s.run_id, s.idx limit ${NAMED}
        ) h
      ), '[]') as holders
    from queue_pool p
    left join lateral (
      select distinct on (n.runner_id) n.id, u.capacity,
        (select count(*) from step_run s where s.session_id = n.id) as held
      from runner_session n join runner u on u.id = n.runner_id
      where not n.dead and n.lease_until > $2 and p.queue = any (n.queues) and p.labels <@ n.labels
        and (n.project_id is null or n.project_id = p.project_id)
      order by n.runner_id, n.id desc
    ) n on true
    where p.id = any ($1) group by p.id`,
};

export async function poolSupply(
  source: Queryable,
  poolIds: readonly number[],
  now: Date,
): Promise<PoolSupply[]> {
  return await source.query<PoolSupply>(SUPPLY, [poolIds, now]);
}

/** Steps of open runs that wait for something, or for a runner: the first 10 of each run. */
const WAITING: Statement = {
  name: "waiting-steps",
  text: `select l.* from unnest($1::uuid[]) k(id)
    cross join lateral (
      select ${STEP_COLUMNS} from ${STEP_TABLES}
      where s.run_id = k.id and s.status in ('QUEUED', 'WAITING') order by s.idx limit ${NAMED}
    ) l order by l."runId", l.index`,
};

export async function waitingSteps(source: Queryable, runIds: readonly string[]): Promise<StepRecord[]> {
  return await source.query<StepRecord>(WAITING, [runIds]);
}
