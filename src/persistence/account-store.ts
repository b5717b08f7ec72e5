import { randomBytes } from "node:crypto";
import type { AccountType, ProjectRole } from "../domain/access.ts";
import type { Clock } from "../domain/clock.ts";
import type { Transaction } from "./database.ts";
import { AccountEntity, ApiTokenEntity, ProjectEntity, ProjectMemberEntity } from "./entities/people.ts";
import { newKey } from "./keys.ts";
import { hashToken, TOKEN_PREFIX } from "./queries/people.ts";

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
export async function createToken({ manager }: Transaction, wanted: NewToken, clock: Clock): Promise<string> {
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
  const token = TOKEN_PREFIX + randomBytes(32).toString("base64url");
  await manager.getRepository(ApiTokenEntity).save({
    id: newKey(clock),
    accountId: account.id,
    projectId: wanted.onlyProjectId,
    hash: hashToken(token),
    description: wanted.description,
    createdAt: now,
    expiresAt: wanted.expiresAt,
    revokedAt: null,
  });
  return token;
}

/** The key of the project with this slug; made if there is none. */
export async function openProject({ manager }: Transaction, slug: string, clock: Clock): Promise<string> {
  const projects = manager.getRepository(ProjectEntity);
  const project =
    (await projects.findOneBy({ slug })) ??
    (await projects.save({ id: newKey(clock), slug, name: slug, createdAt: clock.now() }));
  return project.id;
}
