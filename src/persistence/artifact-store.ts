import { orphaning } from "./orphan-blobs.ts";
import type { Queryable, Statement } from "./queries/queryable.ts";
import type { HeldStep } from "./runner-store.ts";

/** What a runner says of a file that it sends. */
export interface NewArtifact extends HeldStep {
  readonly id: string;
  readonly session: string;
  readonly accountId: string;
  readonly path: string;
  readonly sizeBytes: number;
  /** In hex. */
  readonly sha256: string;
  readonly executable: boolean;
  readonly blobKey: string;
}

/** Null = the step is not the session's any more. */
export type AddedArtifact = {
  readonly id: string;
  readonly added: boolean;
  /** The attempt has another file of that name. */
  readonly conflict: boolean;
  readonly lastSeq: number | null;
} | null;

const ADD: Statement = {
  name: "add-artifact",
  text: `select id, added, conflict, last_seq as "lastSeq"
    from add_artifact($1, $2, $3, $4, $5, $6, $7, decode($8, 'hex'), $9, $10, $11, $12)`,
};
const PRESENT: Statement = {
  name: "artifact-of-lease",
  text: `select a.id, encode(a.sha256, 'hex') as sha256 from artifact a
    where a.run_id = $1 and a.step_idx = $2 and a.fence = $3 and a.path = $4`,
};
const HOLDS: Statement = {
  name: "holds-step",
  text: `select from step_run s join workflow_run r on r.id = s.run_id and r.deleted_at is null
    where s.run_id = $1 and s.idx = $2 and s.fence = $3 and s.session_id = $4`,
};
const EXPIRE: Statement = {
  name: "expire-artifacts",
  text: `with gone as (
      delete from artifact where id in (
        select id from artifact where created_at < $1 order by created_at limit $2) returning blob_key),
      noted as (${orphaning("select blob_key as key from gone")})
    select true as gone from gone`,
};

/** One statement, its own transaction: the row, its event, and the end of the blob's time without a row. */
export async function addArtifact(
  source: Queryable,
  artifact: NewArtifact,
  now: Date,
): Promise<AddedArtifact> {
  const { id, runId, step, fence, session, path, sizeBytes, sha256, executable, blobKey, accountId } =
    artifact;
  const [row] = await source.query<NonNullable<AddedArtifact>>(ADD, [
    ...[id, runId, step, fence, session, path, sizeBytes, sha256, executable, blobKey, accountId, now],
  ]);
  return row ?? null;
}

/** What was sent under this name in the same lease. */
export async function artifactOfLease(
  source: Queryable,
  { runId, step, fence }: HeldStep,
  path: string,
): Promise<{ readonly id: string; readonly sha256: string } | null> {
  const [row] = await source.query<{ id: string; sha256: string }>(PRESENT, [runId, step, fence, path]);
  return row ?? null;
}

export async function holdsStep(
  source: Queryable,
  session: string,
  { runId, step, fence }: HeldStep,
): Promise<boolean> {
  return (await source.query(HOLDS, [runId, step, fence, session])).length > 0;
}

/** @returns how many were forgotten; their blobs belong to nobody then */
export async function expireArtifacts(source: Queryable, before: Date, limit: number): Promise<number> {
  return (await source.query(EXPIRE, [before, limit])).length;
}
