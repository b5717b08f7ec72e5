import { BEFORE_ALL, type NamedPosition } from "./named-position.ts";
import type { Queryable, Statement } from "./queryable.ts";

export interface RunnerRecord {
  readonly id: string;
  /** The one project it works for; null = all. */
  readonly projectId: string | null;
  readonly name: string;
  readonly hostname: string;
  readonly version: string;
  readonly queues: readonly string[];
  readonly labels: readonly string[];
  readonly capacity: number;
}

const COLUMNS = `u.id, u.project_id as "projectId", u.name, u.hostname, u.version, u.queues, u.labels, u.capacity`;
const FIND: Statement = {
  name: "find-runners",
  text: `select ${COLUMNS} from runner u where u.id = any ($1)`,
};
const LIST: Statement = {
  name: "list-runners",
  text: `select ${COLUMNS} from runner u
    where (u.project_id is null or u.project_id = any ($1)) and (u.name, u.id) > ($2, $3)
    order by u.name, u.id limit $4`,
};
const COUNT: Statement = {
  name: "count-runners",
  text: `select count(*)::integer as count from (
    select from runner u where u.project_id is null or u.project_id = any ($1) limit $2) matching`,
};

export async function findRunners(source: Queryable, ids: readonly string[]): Promise<RunnerRecord[]> {
  return await source.query<RunnerRecord>(FIND, [ids]);
}

/** Runners that work for one of these projects, by name: their own and those that work for all. */
export async function listRunners(
  source: Queryable,
  projectIds: readonly string[],
  after: NamedPosition | null,
  limit: number,
): Promise<RunnerRecord[]> {
  const { name, id } = after ?? BEFORE_ALL;
  return await source.query<RunnerRecord>(LIST, [projectIds, name, id, limit]);
}

export async function countRunners(
  source: Queryable,
  projectIds: readonly string[],
  cap: number,
): Promise<number> {
  const [row] = await source.query<{ count: number }>(COUNT, [projectIds, cap]);
  return row!.count;
}

/** How a runner is doing. */
export interface RunnerPulse {
  readonly id: string;
  readonly online: boolean;
  /** Until when its newest lease lasts or lasted; null when its sessions are long over. */
  readonly leaseUntil: Date | null;
  /** Steps that it executes now. */
  readonly runningSteps: number;
}

const PULSES: Statement = {
  name: "runner-pulses",
  text: `select k.id, coalesce(n.online, false) as online, n.lease_until as "leaseUntil",
      coalesce(n.steps, 0)::integer as "runningSteps"
    from unnest($1::uuid[]) k(id)
    left join lateral (
      select bool_or(not n.dead and n.lease_until > $2) as online, max(n.lease_until) as lease_until,
        sum((select count(*) from step_run s
          where s.session_id = n.id and s.status in ('RUNNING', 'CANCELING'))) as steps
      from runner_session n where n.runner_id = k.id
    ) n on true`,
};

export async function runnerPulses(
  source: Queryable,
  ids: readonly string[],
  now: Date,
): Promise<RunnerPulse[]> {
  return await source.query<RunnerPulse>(PULSES, [ids, now]);
}
