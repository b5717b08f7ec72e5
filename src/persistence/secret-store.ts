import type { Transaction } from "./database.ts";
import type { Statement } from "./queries/queryable.ts";
import type { SecretOwner } from "./queries/secrets.ts";

const LOCK: Statement = {
  name: "lock-secret",
  text: `select id, revision from secret
    where project_id = $1 and workflow_id is not distinct from $2::uuid and name = $3 for update`,
};
const INSERT: Statement = {
  name: "insert-secret",
  text: `insert into secret (id, project_id, workflow_id, name, value, created_by, created_at, updated_by, updated_at)
    values ($1, $2, $3, $4, $5, $6, $7, $6, $7) on conflict do nothing returning id`,
};
const REPLACE: Statement = {
  name: "replace-secret",
  text: `update secret set value = $2, revision = revision + 1, updated_by = $3, updated_at = $4 where id = $1`,
};
const DELETE: Statement = { name: "delete-secret", text: "delete from secret where id = $1" };

/** A value as it is stored, and by whom. */
export interface SecretValue {
  readonly id: string;
  /** Sealed. */
  readonly value: Buffer;
  readonly actorId: string;
}

export async function lockSecret(
  transaction: Transaction,
  { projectId, workflowId }: SecretOwner,
  name: string,
): Promise<{ readonly id: string; readonly revision: number } | null> {
  const [row] = await transaction.query<{ id: string; revision: number }>(LOCK, [
    projectId,
    workflowId,
    name,
  ]);
  return row ?? null;
}

/** @returns false when somebody else has set a secret of that name meanwhile */
export async function insertSecret(
  transaction: Transaction,
  { projectId, workflowId }: SecretOwner,
  name: string,
  { id, value, actorId }: SecretValue,
  now: Date,
): Promise<boolean> {
  const values = [id, projectId, workflowId, name, value, actorId, now];
  return (await transaction.query(INSERT, values)).length > 0;
}

export async function replaceSecret(
  transaction: Transaction,
  { id, value, actorId }: SecretValue,
  now: Date,
): Promise<void> {
  await transaction.query(REPLACE, [id, value, actorId, now]);
}

export async function deleteSecretRow(transaction: Transaction, id: string): Promise<void> {
  await transaction.query(DELETE, [id]);
}
