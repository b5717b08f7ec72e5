import { createHash } from "node:crypto";
import type { AccountType, ProjectRole } from "../../domain/access.ts";
import type { Queryable, Statement } from "./queryable.ts";

export interface AccountRecord {
  readonly id: string;
  readonly type: AccountType;
  readonly username: string;
  readonly name: string;
  readonly avatarUrl: string | null;
}

export interface ProjectRecord {
  readonly id: string;
  readonly slug: string;
  readonly name: string;
  readonly createdAt: Date;
  /** Nothing can be started or deployed in it any more. */
  readonly archivedAt: Date | null;
  readonly revision: number;
}

export interface TokenRecord {
  readonly tokenId: string;
  readonly onlyProjectId: string | null;
  readonly tokenExpiresAt: Date | null;
  readonly accountId: string;
  readonly type: AccountType;
  readonly systemAdmin: boolean;
  readonly roles: Readonly<Record<string, ProjectRole>>;
}

const ACCOUNTS: Statement = {
  name: "find-accounts",
  text: `select id, type, username, name, avatar_url as "avatarUrl" from account where id = any ($1)`,
};
const PROJECT_COLUMNS = `id, slug, name, created_at as "createdAt", archived_at as "archivedAt", revision`;
const PROJECTS: Statement = {
  name: "find-projects",
  text: `select ${PROJECT_COLUMNS} from project where id = any ($1)`,
};
const PROJECT_BY_SLUG: Statement = {
  name: "find-project-by-slug",
  text: `select ${PROJECT_COLUMNS} from project where slug = $1`,
};
const ALL_PROJECTS: Statement = {
  name: "all-projects",
  text: `select ${PROJECT_COLUMNS} from project order by slug collate "C"`,
};
const TOKEN: Statement = {
  name: "find-token",
  text: `select t.id as "tokenId", t.project_id as "onlyProjectId", t.expires_at as "tokenExpiresAt",
      a.id as "accountId", a.type, a.system_admin as "systemAdmin",
      coalesce((select jsonb_object_agg(m.project_id, m.role) from project_member m where m.account_id = a.id), '{}')
        as roles
    from api_token t join account a on a.id = t.account_id
    where t.hash = $1 and t.revoked_at is null and a.disabled_at is null
      and (t.expires_at is null or t.expires_at > $2)`,
};

const GRANT: Statement = {
  name: "grant-of-account",
  text: `select a.id as "accountId", a.type, a.system_admin as "systemAdmin",
      coalesce((select jsonb_object_agg(m.project_id, m.role) from project_member m where m.account_id = a.id), '{}')
        as roles
    from account a where a.id = $1 and a.disabled_at is null`,
};

/** What an account may do now, whatever token it uses; null when it may do nothing any more. */
export async function findGrant(
  source: Queryable,
  accountId: string,
): Promise<Pick<TokenRecord, "accountId" | "type" | "systemAdmin" | "roles"> | null> {
  const [row] = await source.query<TokenRecord>(GRANT, [accountId]);
  return row ?? null;
}

export async function findAccounts(source: Queryable, ids: readonly string[]): Promise<AccountRecord[]> {
  return await source.query<AccountRecord>(ACCOUNTS, [ids]);
}

export async function findProjects(source: Queryable, ids: readonly string[]): Promise<ProjectRecord[]> {
  return await source.query<ProjectRecord>(PROJECTS, [ids]);
}

export async function findProjectBySlug(source: Queryable, slug: string): Promise<ProjectRecord | null> {
  const [row] = await source.query<ProjectRecord>(PROJECT_BY_SLUG, [slug]);
  return row ?? null;
}

export async function allProjects(source: Queryable): Promise<ProjectRecord[]> {
  return await source.query<ProjectRecord>(ALL_PROJECTS, []);
}

/** Tokens are stored as their SHA-256: 256 random bits need no slow hash. */
export function hashToken(token: string): Buffer {
  return createHash("sha256").update(token).digest();
}

/** Lets secret scanners find a token that was published by mistake. */
export const TOKEN_PREFIX = "runcast_";
const TOKEN_FORM = new RegExp(`^${TOKEN_PREFIX}[A-Za-z0-9_-]{43}$`);

/** Whether it has the form of a token at all: junk costs no look-up. */
export function isToken(text: string): boolean {
  return TOKEN_FORM.test(text);
}

/** Who a token belongs to, if it is valid now. */
export async function findToken(source: Queryable, token: string, now: Date): Promise<TokenRecord | null> {
  const [row] = await source.query<TokenRecord>(TOKEN, [hashToken(token), now]);
  return row ?? null;
}
