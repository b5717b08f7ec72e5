import { randomBytes } from "node:crypto";
import type { AccountType } from "../domain/access.ts";
import type { Clock } from "../domain/clock.ts";
import type { Transaction } from "./database.ts";
import { newKey } from "./keys.ts";
import { hashToken, TOKEN_PREFIX } from "./queries/people.ts";
import type { Statement } from "./queries/queryable.ts";

export interface TokenWish {
  readonly accountId: string;
  /** Limits the token to one project; null = every project of its account. */
  readonly projectId: string | null;
  readonly description: string;
  readonly expiresAt: Date | null;
}

export interface MadeToken {
  readonly id: string;
  /** The token itself: handed to its owner once, and kept nowhere. */
  readonly token: string;
}

/** A token as those see it who decide about its end. */
export interface TokenRow {
  readonly id: string;
  readonly accountId: string;
  readonly accountType: AccountType;
  readonly projectId: string | null;
  readonly description: string;
  readonly revokedAt: Date | null;
  /** The projects that its account is a member of. */
  readonly memberOf: readonly string[];
}

const ADD: Statement = {
  name: "add-token",
  text: `insert into api_token (id, account_id, project_id, hash, description, created_at, expires_at)
    values ($1, $2, $3, $4, $5, $6, $7)`,
};
const LOCK: Statement = {
  name: "lock-token",
  text: `select t.id, t.account_id as "accountId", a.type as "accountType", t.project_id as "projectId",
      t.description, t.revoked_at as "revokedAt",
      array(select m.project_id from project_member m where m.account_id = a.id) as "memberOf"
    from api_token t join account a on a.id = t.account_id where t.id = $1 for no key update of t`,
};
const REVOKE: Statement = {
  name: "revoke-token",
  text: "update api_token set revoked_at = $2 where id = $1",
};
const OTHER_SCOPES: Statement = {
  name: "token-scopes-but-this",
  text: `select exists (select from api_token where account_id = $1 and project_id is distinct from $2) as other`,
};

/** 256 random bits under a prefix; only their SHA-256 is stored. */
export async function addToken(
  transaction: Transaction,
  { accountId, projectId, description, expiresAt }: TokenWish,
  clock: Clock,
): Promise<MadeToken> {
  const id = newKey(clock);
  const token = TOKEN_PREFIX + randomBytes(32).toString("base64url");
  const values = [id, accountId, projectId, hashToken(token), description, clock.now(), expiresAt];
  await transaction.query(ADD, values);
  return { id, token };
}

export async function lockToken(transaction: Transaction, id: string): Promise<TokenRow | null> {
  const [row] = await transaction.query<TokenRow>(LOCK, [id]);
  return row ?? null;
}

export async function revokeToken(transaction: Transaction, id: string, now: Date): Promise<void> {
  await transaction.query(REVOKE, [id, now]);
}

/** Whether the account has tokens of another scope than this project (null: than the whole installation). */
export async function hasTokensBeyond(
  transaction: Transaction,
  accountId: string,
  projectId: string | null,
): Promise<boolean> {
  const [row] = await transaction.query<{ other: boolean }>(OTHER_SCOPES, [accountId, projectId]);
  return row!.other;
}
