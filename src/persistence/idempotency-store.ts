import type { Transaction } from "./database.ts";
import type { Queryable, Statement } from "./queries/queryable.ts";

/** Whose key it is, and for what: the same text of another caller or mutation is another key. */
export interface KeyScope {
  readonly projectId: string;
  readonly actorId: string;
  readonly mutation: string;
  readonly key: string;
}

export interface KnownKey {
  readonly hash: Buffer;
  readonly result: unknown;
}

/** Waits for a transaction that holds the same key, and then sees what it left. */
const OPEN: Statement = {
  name: "open-idempotency-key",
  text: `insert into idempotency_key as k (project_id, actor_id, mutation, key, hash, created_at)
    values ($1, $2, $3, $4, $5, $6)
    on conflict (actor_id, mutation, key, project_id) do update
      set hash = excluded.hash, result = null, created_at = excluded.created_at where k.created_at <= $7
    returning true as opened`,
};
const KNOWN: Statement = {
  name: "known-idempotency-key",
  text: `select hash, result from idempotency_key
    where project_id = $1 and actor_id = $2 and mutation = $3 and key = $4`,
};
const STORE: Statement = {
  name: "store-idempotent-result",
  text: `update idempotency_key set result = $5
    where project_id = $1 and actor_id = $2 and mutation = $3 and key = $4`,
};
const FORGET: Statement = {
  name: "forget-idempotency-keys",
  text: "delete from idempotency_key where created_at <= $1",
};

function values({ projectId, actorId, mutation, key }: KeyScope): string[] {
  return [projectId, actorId, mutation, key];
}

/** Takes the key for this transaction. @returns what it was used for since `expired`, or null when it is free */
export async function openKey(
  transaction: Transaction,
  scope: KeyScope,
  hash: Buffer,
  now: Date,
  expired: Date,
): Promise<KnownKey | null> {
  const opened = await transaction.query(OPEN, [...values(scope), hash, now, expired]);
  if (opened.length > 0) return null;
  const [known] = await transaction.query<KnownKey>(KNOWN, values(scope));
  return known ?? null;
}

export async function storeResult(transaction: Transaction, scope: KeyScope, result: unknown): Promise<void> {
  await transaction.query(STORE, [...values(scope), JSON.stringify(result ?? null)]);
}

export async function forgetKeys(source: Queryable, before: Date): Promise<void> {
  await source.query(FORGET, [before]);
}
