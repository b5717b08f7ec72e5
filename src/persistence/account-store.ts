import type { AccountType, ProjectRole } from "../domain/access.ts";
import type { Clock } from "../domain/clock.ts";
import type { Transaction } from "./database.ts";
import { AccountEntity, ProjectEntity, ProjectMemberEntity } from "./entities/people.ts";
import { newKey } from "./keys.ts";
import type { Statement } from "./queries/queryable.ts";
import { addToken } from "./token-store.ts";

export interface NewToken {
  /** The account; made if there is none of that name. */
  readonly username: string;
  readonly type: AccountType;
  readonly systemAdmin: boolean;
  /** A role in a project for the account; null = none is given. */
  readonly membership: { readonly projectId: string; readonly role: ProjectRole } | null;
  /** Limits the token to one project. */
  readonly onlyProjectId: string | null;
  readonly description: string;
  readonly expiresAt: Date | null;
}

/** The account of that name is of another type: its token would not do what was asked for. */
export class AccountTypeError extends Error {}

/** Makes a token, and its account if need be. @returns the token; it is not stored and cannot be shown again */
export async function createToken(transaction: Transaction, wanted: NewToken, clock: Clock): Promise<string> {
  const { manager } = transaction;
  const now = clock.now();
  const { username, type, systemAdmin, membership } = wanted;
  const accounts = manager.getRepository(AccountEntity);
  const account =
    (await accounts.findOneBy({ username })) ??
    (await accounts.save({
      id: newKey(clock),
      type,
      username,
      name: username,
      avatarUrl: null,
      systemAdmin,
      createdAt: now,
    }));
  if (account.type !== type || account.systemAdmin !== systemAdmin) {
    const kind = `${account.type}${account.systemAdmin ? " with system administration" : ""}`;
    throw new AccountTypeError(`the account "${username}" exists and is a ${kind}; choose another name`);
  }
  if (membership !== null) {
    const { projectId, role } = membership;
    await manager.getRepository(ProjectMemberEntity).save({ projectId, accountId: account.id, role });
  }
  const { onlyProjectId: projectId, description, expiresAt } = wanted;
  const wish = { accountId: account.id, projectId, description, expiresAt };
  return (await addToken(transaction, wish, clock)).token;
}

/** The key of the project with this slug; made if there is none. */
export async function openProject({ manager }: Transaction, slug: string, clock: Clock): Promise<string> {
  const projects = manager.getRepository(ProjectEntity);
  const project =
    (await projects.findOneBy({ slug })) ??
    (await projects.save({ id: newKey(clock), slug, name: slug, createdAt: clock.now() }));
  return project.id;
}

export interface NewAccount {
  readonly type: AccountType;
  readonly username: string;
  readonly name: string;
  readonly avatarUrl: string | null;
  readonly systemAdmin: boolean;
}

const ADD: Statement = {
  name: "add-account",
  text: `insert into account (id, type, username, name, avatar_url, system_admin, created_at)
    values ($1, $2, $3, $4, $5, $6, $7)`,
};
const SET_DISABLED: Statement = {
  name: "set-account-disabled",
  text: "update account set disabled_at = $2 where id = $1 and (disabled_at is null) <> ($2::timestamptz is null) returning id",
};

/** Makes an account; a username that is taken violates the table's unique key. @returns its key */
export async function addAccount(
  transaction: Transaction,
  { type, username, name, avatarUrl, systemAdmin }: NewAccount,
  clock: Clock,
): Promise<string> {
  const id = newKey(clock);
  await transaction.query(ADD, [id, type, username, name, avatarUrl, systemAdmin, clock.now()]);
  return id;
}

/** Null enables it again. @returns whether that changed anything */
export async function setAccountDisabled(
  transaction: Transaction,
  id: string,
  disabledAt: Date | null,
): Promise<boolean> {
  return (await transaction.query(SET_DISABLED, [id, disabledAt])).length > 0;
}
