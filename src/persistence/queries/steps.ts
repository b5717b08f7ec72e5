import type { CancelProof } from "../../domain/run-state.ts";
import type { StageRunStatus, StepRunStatus } from "../../domain/statuses.ts";
import type { Queryable, Statement } from "./queryable.ts";
import type { StoredReason } from "./stored-reason.ts";

export interface StageRecord {
  readonly runId: string;
  readonly index: number;
  readonly versionId: string;
  readonly status: StageRunStatus;
  readonly statusReason: StoredReason | null;
  readonly startedAt: Date | null;
  readonly finishedAt: Date | null;
  /** Steps that have not ended. */
  readonly openSteps: number;
  /** How far those are, added up. */
  readonly openProgress: number;
}

export interface StepRecord {
  readonly runId: string;
  readonly index: number;
  readonly stage: number;
  readonly versionId: string;
  readonly ref: string;
  readonly name: string | null;
  readonly type: string;
  readonly needs: readonly number[];
  readonly poolId: number;
  readonly queue: string;
  readonly labels: readonly string[];
  readonly status: StepRunStatus;
  readonly statusReason: StoredReason | null;
  /** How many of its needs have not ended. */
  readonly openNeeds: number;
  readonly fence: number;
  readonly attempt: number;
  readonly runnerId: string | null;
  /** A runner holds it, whether it has started it or not. */
  readonly leased: boolean;
  /** It may be claimed now. */
  readonly ready: boolean;
  readonly createdAt: Date;
  readonly startedAt: Date | null;
  readonly finishedAt: Date | null;
  readonly dueAt: Date | null;
  readonly exitCode: number | null;
  readonly cancelProof: CancelProof | null;
  /** As its newest attempt told. */
  readonly progress: number;
}

export interface AttemptRecord {
  readonly runId: string;
  readonly step: number;
  readonly number: number;
  readonly fence: number;
  readonly status: StepRunStatus;
  readonly statusReason: StoredReason | null;
  readonly runnerId: string | null;
  readonly startedAt: Date;
  readonly finishedAt: Date | null;
  readonly exitCode: number | null;
  readonly output: Readonly<Record<string, unknown>> | null;
  readonly error: string | null;
}

const STAGES: Statement = {
  name: "stages-of-runs",
  text: `select g.run_id as "runId", g.idx as index, r.workflow_version_id as "versionId", g.status,
      g.status_reason as "statusReason", g.started_at as "startedAt", g.finished_at as "finishedAt",
      g.open_steps as "openSteps", (select coalesce(sum(s.progress), 0)::integer from step_run s
        where s.run_id = g.run_id and s.stage_idx = g.idx and s.progress > 0 and s.finished_at is null) as "openProgress"
    from stage_run g join workflow_run r on r.id = g.run_id where g.run_id = any ($1) and r.deleted_at is null
    order by g.run_id, g.idx`,
};

export const STEP_COLUMNS = `s.run_id as "runId", s.idx as index, s.stage_idx as stage,
  r.workflow_version_id as "versionId", w.ref, w.name, w.type, w.needs,
  p.id as "poolId", p.queue, p.labels, s.status,
  s.status_reason as "statusReason", case when s.status = 'PENDING' then s.pending - (w.behind_barrier and exists (
    select from stage_run g where g.run_id = s.run_id and g.idx < s.stage_idx and g.open_steps > 0))::integer
    else 0 end as "openNeeds", s.fence, s.attempt, n.runner_id as "runnerId", s.session_id is not null as leased, s.ready_pool is not null as ready, r.created_at as "createdAt",
  s.started_at as "startedAt", s.finished_at as "finishedAt", s.due_at as "dueAt", s.exit_code as "exitCode",
  s.cancel_proof as "cancelProof", s.progress`;
export const STEP_TABLES = `step_run s
  join workflow_run r on r.id = s.run_id and r.deleted_at is null
  join workflow_step w on w.version_id = r.workflow_version_id and w.idx = s.idx
  join queue_pool p on p.id = w.pool_id
  left join runner_session n on n.id = s.session_id`;

const STEPS_OF_RUNS: Statement = {
  name: "steps-of-runs",
  text: `select ${STEP_COLUMNS} from ${STEP_TABLES} where s.run_id = any ($1) order by s.run_id, s.idx`,
};
const STEP_PAGE: Statement = {
  name: "step-page",
  text: `select ${STEP_COLUMNS} from ${STEP_TABLES} where s.run_id = $1 and s.idx >= $2 and s.idx < $3 order by s.idx`,
};
const FIND_STEPS: Statement = {
  name: "find-steps",
  text: `select ${STEP_COLUMNS} from unnest($1::uuid[], $2::integer[]) k(run_id, idx)
    join ${STEP_TABLES.replace("step_run s", "step_run s on s.run_id = k.run_id and s.idx = k.idx")}`,
};
const ATTEMPTS: Statement = {
  name: "attempts-of-steps",
  text: `select a.run_id as "runId", a.step_idx as step, a.number, a.fence, a.status,
      a.status_reason as "statusReason", a.runner_id as "runnerId", a.started_at as "startedAt",
      a.finished_at as "finishedAt", a.exit_code as "exitCode", a.output, a.error
    from unnest($1::uuid[], $2::integer[]) k(run_id, idx)
    join step_attempt a on a.run_id = k.run_id and a.step_idx = k.idx
    order by a.run_id, a.step_idx, a.number`,
};

export interface StepPlace {
  readonly runId: string;
  readonly index: number;
}

export async function stagesOfRuns(source: Queryable, runIds: readonly string[]): Promise<StageRecord[]> {
  return await source.query<StageRecord>(STAGES, [runIds]);
}

/** All steps of these runs. For runs that are shown whole; a page of one run is `stepPage`. */
export async function stepsOfRuns(source: Queryable, runIds: readonly string[]): Promise<StepRecord[]> {
  return await source.query<StepRecord>(STEPS_OF_RUNS, [runIds]);
}

/** Steps of a run from one index up to, not including, another: an index is a step's place in its run. */
export async function stepPage(
  source: Queryable,
  runId: string,
  from: number,
  to: number,
): Promise<StepRecord[]> {
  return await source.query<StepRecord>(STEP_PAGE, [runId, from, to]);
}

export async function findSteps(source: Queryable, places: readonly StepPlace[]): Promise<StepRecord[]> {
  return await source.query<StepRecord>(FIND_STEPS, [
    places.map(({ runId }) => runId),
    places.map(({ index }) => index),
  ]);
}

/** Ended attempts, oldest first. The running one has no row yet: it is read from its step. */
export async function attemptsOfSteps(
  source: Queryable,
  places: readonly StepPlace[],
): Promise<AttemptRecord[]> {
  return await source.query<AttemptRecord>(ATTEMPTS, [
    places.map(({ runId }) => runId),
    places.map(({ index }) => index),
  ]);
}
