import type { ProjectRole } from "../../domain/access.ts";
import type { AccountRecord } from "./people.ts";
import type { Queryable, Statement } from "./queryable.ts";

/** An account as those see it who manage it. */
export interface ManagedAccount extends AccountRecord {
  readonly systemAdmin: boolean;
  readonly createdAt: Date;
  readonly disabledAt: Date | null;
}

export interface MemberRecord {
  readonly projectId: string;
  readonly accountId: string;
  readonly username: string;
  readonly role: ProjectRole;
}

/** What is known of a token; the token itself is not. */
export interface TokenInfo {
  readonly id: string;
  readonly accountId: string;
  readonly projectId: string | null;
  readonly description: string;
  readonly createdAt: Date;
  readonly expiresAt: Date | null;
  readonly revokedAt: Date | null;
}

const ACCOUNT_COLUMNS = `a.id, a.type, a.username, a.name, a.avatar_url as "avatarUrl",
  a.system_admin as "systemAdmin", a.created_at as "createdAt", a.disabled_at as "disabledAt"`;
const TOKEN_COLUMNS = `t.id, t.account_id as "accountId", t.project_id as "projectId", t.description,
  t.created_at as "createdAt", t.expires_at as "expiresAt", t.revoked_at as "revokedAt" from api_token t`;
/** Usernames sort by their bytes: the same order in every installation. */
const BY_USERNAME = `a.username collate "C"`;

const BY_ID: Statement = {
  name: "find-managed-account",
  text: `select ${ACCOUNT_COLUMNS} from account a where a.id = $1`,
};
const BY_NAME: Statement = {
  name: "find-managed-account-by-username",
  text: `select ${ACCOUNT_COLUMNS} from account a where a.username = $1`,
};
const MATCHES = "($1 = '' or strpos(lower(a.username), $1) > 0 or strpos(lower(a.name), $1) > 0)";
const SEARCH: Statement = {
  name: "search-accounts",
  text: `select ${ACCOUNT_COLUMNS} from account a where ${MATCHES} and ${BY_USERNAME} > $2
    order by ${BY_USERNAME} limit $3`,
};
const COUNT: Statement = {
  name: "count-accounts",
  text: `select count(*)::integer as count from (select from account a where ${MATCHES} limit $2) matching`,
};
const MEMBERS: Statement = {
  name: "list-members",
  text: `select m.project_id as "projectId", m.account_id as "accountId", a.username, m.role
    from project_member m join account a on a.id = m.account_id
    where m.project_id = $1 and ${BY_USERNAME} > $2 order by ${BY_USERNAME} limit $3`,
};
const MEMBER: Statement = {
  name: "find-member",
  text: `select m.project_id as "projectId", m.account_id as "accountId", a.username, m.role
    from project_member m join account a on a.id = m.account_id where m.project_id = $1 and m.account_id = $2`,
};
const COUNT_MEMBERS: Statement = {
  name: "count-members",
  text: `select count(*)::integer as count from (
      select from project_member where project_id = $1 limit $2) matching`,
};
const SERVICE_ACCOUNTS: Statement = {
  name: "list-service-accounts",
  text: `select ${ACCOUNT_COLUMNS}, m.role from project_member m join account a on a.id = m.account_id
    where m.project_id = $1 and a.type = 'SERVICE' and ($2::uuid is null or a.id = $2) order by ${BY_USERNAME}`,
};
const TOKENS: Statement = {
  name: "list-tokens-of-account",
  text: `select ${TOKEN_COLUMNS} where t.account_id = $1 and ($2::uuid is null or t.project_id = $2)
    and ($3::uuid is null or t.id < $3) order by t.id desc limit $4`,
};
const COUNT_TOKENS: Statement = {
  name: "count-tokens-of-account",
  text: `select count(*)::integer as count from (
      select from api_token where account_id = $1 and ($2::uuid is null or project_id = $2) limit $3) matching`,
};
const TOKENS_IN: Statement = {
  name: "list-tokens-of-account-in-project",
  text: `select ${TOKEN_COLUMNS} where t.account_id = $1 and (t.project_id is null or t.project_id = $2)
    order by t.id desc limit 100`,
};
const TOKEN: Statement = { name: "find-token-info", text: `select ${TOKEN_COLUMNS} where t.id = $1` };

export async function findAccount(source: Queryable, id: string): Promise<ManagedAccount | null> {
  return (await source.query<ManagedAccount>(BY_ID, [id]))[0] ?? null;
}

export async function findAccountByUsername(
  source: Queryable,
  username: string,
): Promise<ManagedAccount | null> {
  return (await source.query<ManagedAccount>(BY_NAME, [username]))[0] ?? null;
}

/** Accounts in whose username or name the text occurs, by username. */
export async function searchAccounts(
  source: Queryable,
  search: string,
  after: string,
  limit: number,
): Promise<ManagedAccount[]> {
  return await source.query<ManagedAccount>(SEARCH, [search.toLowerCase(), after, limit]);
}

export async function countAccounts(source: Queryable, search: string, cap: number): Promise<number> {
  return await count(source, COUNT, [search.toLowerCase(), cap]);
}

export async function listMembers(
  source: Queryable,
  projectId: string,
  after: string,
  limit: number,
): Promise<MemberRecord[]> {
  return await source.query<MemberRecord>(MEMBERS, [projectId, after, limit]);
}

export async function findMember(
  source: Queryable,
  projectId: string,
  accountId: string,
): Promise<MemberRecord | null> {
  return (await source.query<MemberRecord>(MEMBER, [projectId, accountId]))[0] ?? null;
}

export async function countMembers(source: Queryable, projectId: string, cap: number): Promise<number> {
  return await count(source, COUNT_MEMBERS, [projectId, cap]);
}

export interface ServiceAccountRecord extends ManagedAccount {
  readonly role: ProjectRole;
}

/** The service accounts among a project's members: all, or the one with this key. */
export async function listServiceAccounts(
  source: Queryable,
  projectId: string,
  accountId: string | null = null,
): Promise<ServiceAccountRecord[]> {
  return await source.query<ServiceAccountRecord>(SERVICE_ACCOUNTS, [projectId, accountId]);
}

/** An account's tokens, the newest first; with a project only those that are limited to it. */
export async function listTokens(
  source: Queryable,
  { accountId, projectId }: { readonly accountId: string; readonly projectId: string | null },
  before: string | null,
  limit: number,
): Promise<TokenInfo[]> {
  return await source.query<TokenInfo>(TOKENS, [accountId, projectId, before, limit]);
}

export async function countTokens(
  source: Queryable,
  { accountId, projectId }: { readonly accountId: string; readonly projectId: string | null },
  cap: number,
): Promise<number> {
  return await count(source, COUNT_TOKENS, [accountId, projectId, cap]);
}

/** The newest tokens of an account that are good in a project. */
export async function listTokensIn(
  source: Queryable,
  accountId: string,
  projectId: string,
): Promise<TokenInfo[]> {
  return await source.query<TokenInfo>(TOKENS_IN, [accountId, projectId]);
}

export async function findTokenInfo(source: Queryable, id: string): Promise<TokenInfo | null> {
  return (await source.query<TokenInfo>(TOKEN, [id]))[0] ?? null;
}

async function count(source: Queryable, statement: Statement, values: readonly unknown[]): Promise<number> {
  const [row] = await source.query<{ count: number }>(statement, values);
  return row!.count;
}
