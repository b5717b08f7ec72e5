import { BEFORE_ALL, type NamedPosition } from "./named-position.ts";
import type { Queryable, Statement } from "./queryable.ts";

/** Whose a secret is: a project's, or one workflow's of it. */
export interface SecretOwner {
  readonly projectId: string;
  readonly workflowId: string | null;
}

/** Everything but the value, which only the making of tasks and masks reads. */
export interface SecretRecord extends SecretOwner {
  readonly id: string;
  readonly name: string;
  readonly revision: number;
  readonly createdAt: Date;
  readonly updatedBy: string;
  readonly updatedAt: Date;
}

export interface SealedSecret {
  readonly id: string;
  readonly name: string;
  readonly value: Buffer;
}

const OWNED = "project_id = $1 and workflow_id is not distinct from $2::uuid";
export const SECRET_COLUMNS = `id, project_id as "projectId", workflow_id as "workflowId", name, revision,
  created_at as "createdAt", updated_by as "updatedBy", updated_at as "updatedAt"`;

const FIND: Statement = {
  name: "find-secret",
  text: `select ${SECRET_COLUMNS} from secret where ${OWNED} and name = $3`,
};
const LIST: Statement = {
  name: "list-secrets",
  text: `select ${SECRET_COLUMNS} from secret where ${OWNED} and (name, id) > ($3, $4) order by name, id limit $5`,
};
const COUNT: Statement = {
  name: "count-secrets",
  text: `select count(*)::integer as count from (select from secret where ${OWNED} limit $3) matching`,
};
const SEALED =
  "select id, name, value from secret where project_id = $1 and (workflow_id is null or workflow_id = $2)";
const NAMED: Statement = {
  name: "named-secrets",
  text: `select distinct on (name) * from (${SEALED.replace("value", "value, workflow_id")} and name = any ($3)) known
    order by name, workflow_id nulls last`,
};
const USABLE: Statement = { name: "usable-secrets", text: SEALED };

export async function findSecret(
  source: Queryable,
  { projectId, workflowId }: SecretOwner,
  name: string,
): Promise<SecretRecord | null> {
  const [row] = await source.query<SecretRecord>(FIND, [projectId, workflowId, name]);
  return row ?? null;
}

/** The owner's own secrets by name: those of a project are not among its workflows'. */
export async function listSecrets(
  source: Queryable,
  { projectId, workflowId }: SecretOwner,
  after: NamedPosition | null,
  limit: number,
): Promise<SecretRecord[]> {
  const { name, id } = after ?? BEFORE_ALL;
  return await source.query<SecretRecord>(LIST, [projectId, workflowId, name, id, limit]);
}

export async function countSecrets(
  source: Queryable,
  { projectId, workflowId }: SecretOwner,
  cap: number,
): Promise<number> {
  const [row] = await source.query<{ count: number }>(COUNT, [projectId, workflowId, cap]);
  return row!.count;
}

/** Of equal names the workflow's own. */
export async function namedSecrets(
  source: Queryable,
  projectId: string,
  workflowId: string,
  names: readonly string[],
): Promise<SealedSecret[]> {
  return await source.query<SealedSecret>(NAMED, [projectId, workflowId, names]);
}

/** Everything that a workflow's steps could ever be given. */
export async function usableSecrets(
  source: Queryable,
  projectId: string,
  workflowId: string,
): Promise<SealedSecret[]> {
  return await source.query<SealedSecret>(USABLE, [projectId, workflowId]);
}
