import type { AccountType, ProjectRole } from "../../src/domain/access.ts";
import { createToken, openProject } from "../../src/persistence/account-store.ts";
import type { TestServer } from "../support/server.ts";

export interface TokenWish {
  readonly username: string;
  readonly type?: AccountType;
  readonly systemAdmin?: boolean;
  /** Slug of the project and the role in it. */
  readonly member?: { readonly project: string; readonly role: ProjectRole };
  /** Slug of the one project that the token is good for. */
  readonly onlyProject?: string;
  readonly expiresAt?: Date;
}

/** A token as an administrator would make it; the account is made if there is none of that name. */
export async function makeToken({ app: { engine } }: TestServer, wish: TokenWish): Promise<string> {
  const { username, type = "USER", systemAdmin = false, member, onlyProject, expiresAt = null } = wish;
  return await engine.database.transaction(async (transaction) => {
    const project = async (slug: string) => await openProject(transaction, slug, engine.clock);
    const membership = member ? { projectId: await project(member.project), role: member.role } : null;
    const onlyProjectId = onlyProject === undefined ? null : await project(onlyProject);
    const token = { username, type, systemAdmin, membership, onlyProjectId, expiresAt, description: "test" };
    return await createToken(transaction, token, engine.clock);
  });
}
