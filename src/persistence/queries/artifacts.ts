import type { Queryable, Statement } from "./queryable.ts";
import type { StepPlace } from "./steps.ts";

export interface ArtifactRecord {
  readonly id: string;
  readonly projectId: string;
  readonly runId: string;
  readonly step: number;
  readonly attempt: number;
  readonly path: string;
  readonly sizeBytes: number;
  /** In hex. */
  readonly sha256: string;
  readonly executable: boolean;
  readonly blobKey: string;
  readonly createdAt: Date;
}

/** An artifact where a run has it: at a step of its own, although an earlier run may have made it. */
export interface ListedArtifact extends ArtifactRecord {
  readonly atStep: number;
}

const COLUMNS = `a.id, r.project_id as "projectId", a.run_id as "runId", a.step_idx as step, a.attempt, a.path,
  a.size::float8 as "sizeBytes", encode(a.sha256, 'hex') as sha256, a.executable, a.blob_key as "blobKey",
  a.created_at as "createdAt"`;
const OF_RUN = "join workflow_run r on r.id = a.run_id and r.deleted_at is null";

const FIND: Statement = {
  name: "find-artifacts",
  text: `select ${COLUMNS} from artifact a ${OF_RUN} where a.id = any ($1)`,
};
/** Every attempt's files of one name are in "C" order: what a cursor compares, and all databases alike. */
const LIST: Statement = {
  name: "list-artifacts",
  text: `select ${COLUMNS}, k.at_step as "atStep"
    from kept_artifacts($1, $2) k join artifact a on a.id = k.id ${OF_RUN}
    where (k.at_step, a.path collate "C") > ($3, $4)
    order by k.at_step, a.path collate "C" limit $5`,
};
const OF_ATTEMPT: Statement = {
  name: "artifacts-of-attempt",
  text: `select ${COLUMNS}, a.step_idx as "atStep" from artifact a ${OF_RUN}
    where a.run_id = $1 and a.step_idx = $2 and a.attempt = $3 and a.path collate "C" > $4
    order by a.path collate "C" limit $5`,
};
const COUNT: Statement = {
  name: "count-artifacts",
  text: "select count(*)::integer as count from (select from kept_artifacts($1, $2) limit $3) k",
};
const COUNT_OF_ATTEMPT: Statement = {
  name: "count-artifacts-of-attempt",
  text: `select count(*)::integer as count from (
    select from artifact where run_id = $1 and step_idx = $2 and attempt = $3 limit $4) k`,
};
const STEPS_WITH: Statement = {
  name: "steps-with-artifacts",
  text: `select k.run_id as "runId", k.idx as index from unnest($1::uuid[], $2::integer[]) k(run_id, idx)
    where exists (select from kept_artifacts(k.run_id, k.idx))`,
};
/** One file for each name: of the run's own steps rather than the source run's, and of these the newest. */
const TO_PLACE: Statement = {
  name: "artifacts-to-place",
  text: `select * from (
      select distinct on (a.path collate "C") ${COLUMNS}
      from (
        select k.id, true as own from kept_artifacts($1, null) k
        where k.at_step = any ($2) and (k.at_status = 'SUCCEEDED'
          or k.at_step = any ($3) and k.at_status in ('FAILED', 'TIMED_OUT'))
        union all
        select k.id, false from kept_artifacts($4, null) k where k.at_status = 'SUCCEEDED'
      ) k
      join artifact a on a.id = k.id ${OF_RUN}
      where a.path collate "C" > $5
      order by a.path collate "C", k.own desc, a.created_at desc, a.id desc
    ) a order by path collate "C" limit $6`,
};

export async function findArtifacts(source: Queryable, ids: readonly string[]): Promise<ArtifactRecord[]> {
  return await source.query<ArtifactRecord>(FIND, [ids]);
}

/** Artifacts of a run or of one of its steps; `attempt` null = those that count now. */
export interface ArtifactScope {
  readonly runId: string;
  /** Null = of all steps. */
  readonly step: number | null;
  readonly attempt: number | null;
}

export interface ArtifactPosition {
  readonly atStep: number;
  readonly path: string;
}

const START: ArtifactPosition = { atStep: -1, path: "" };

/** In the order of the steps and, within a step, of the paths. */
export async function listArtifacts(
  source: Queryable,
  { runId, step, attempt }: ArtifactScope,
  after: ArtifactPosition | null,
  limit: number,
): Promise<ListedArtifact[]> {
  const { atStep, path } = after ?? START;
  if (step !== null && attempt !== null)
    return await source.query<ListedArtifact>(OF_ATTEMPT, [runId, step, attempt, path, limit]);
  return await source.query<ListedArtifact>(LIST, [runId, step, atStep, path, limit]);
}

export async function countArtifacts(
  source: Queryable,
  { runId, step, attempt }: ArtifactScope,
  cap: number,
): Promise<number> {
  const [row] =
    step !== null && attempt !== null
      ? await source.query<{ count: number }>(COUNT_OF_ATTEMPT, [runId, step, attempt, cap])
      : await source.query<{ count: number }>(COUNT, [runId, step, cap]);
  return row!.count;
}

export async function stepsWithArtifacts(
  source: Queryable,
  places: readonly StepPlace[],
): Promise<StepPlace[]> {
  return await source.query<StepPlace>(STEPS_WITH, [
    places.map(({ runId }) => runId),
    places.map(({ index }) => index),
  ]);
}

export interface PlacingScope {
  readonly runId: string;
  /** Steps of the run that were over before. */
  readonly steps: readonly number[];
  /** Those of them whose failure counts for nothing. */
  readonly forgiven: readonly number[];
  readonly sourceRunId: string | null;
}

/** What has to lie in the workspace of a step before it starts, ordered by path. */
export async function artifactsToPlace(
  source: Queryable,
  { runId, steps, forgiven, sourceRunId }: PlacingScope,
  after: string,
  limit: number,
): Promise<ArtifactRecord[]> {
  return await source.query<ArtifactRecord>(TO_PLACE, [runId, steps, forgiven, sourceRunId, after, limit]);
}
