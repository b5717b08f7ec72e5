import { isSystemAdmin, roleIn, type Viewer } from "../domain/access.ts";
import { encodeId } from "../domain/ids.ts";
import { ForbiddenError, invalidValue, notFound } from "../domain/refusals.ts";
import type { Engine } from "../orchestration/transition.ts";
import { addAuditEntry } from "../persistence/audit-store.ts";
import type { Transaction } from "../persistence/database.ts";
import { roleOfMember } from "../persistence/project-store.ts";
import { findAccount } from "../persistence/queries/accounts.ts";
import { addToken, type MadeToken } from "../persistence/token-store.ts";
import { TextFaults } from "./check-texts.ts";

export interface CreateToken {
  /** The one project that the token is good for; null = all of its account. */
  readonly projectId: string | null;
  /** A service account of that project; null = the viewer's own. */
  readonly accountId: string | null;
  readonly description: string;
  readonly expiresAt: Date | null;
}

/**
 * Makes a token, which can never do more than who asks for it: for oneself within the limits of the token that
 * asks, for a service account only in a project that the viewer administers. Who administers the installation makes
 * the first token of a new person.
 * There is no idempotency key, because that would mean to keep the token.
 */
export async function createToken(engine: Engine, viewer: Viewer, wish: CreateToken): Promise<MadeToken> {
  if (viewer.type === "RUNNER") throw new ForbiddenError("createToken is not for runners");
  const { accountId, projectId, description, expiresAt } = wish;
  if (projectId !== null && roleIn(viewer, projectId) === null) throw notFound("input.projectId");
  const own = accountId === null || accountId === viewer.accountId;
  if (own) checkOwnLimits(viewer, wish);
  const faults = new TextFaults().description("input.description", description);
  if (expiresAt !== null) faults.future("input.expiresAt", expiresAt, engine.clock.now());
  faults.throwIfAny();

  return await engine.database.transaction(async (transaction) => {
    const owner = own ? viewer.accountId : await otherAccount(transaction, viewer, wish);
    const latest = own ? (expiresAt ?? viewer.tokenExpiresAt) : expiresAt;
    const token = { accountId: owner, projectId, description, expiresAt: latest };
    const made = await addToken(transaction, token, engine.clock);
    const target = encodeId("ApiToken", made.id);
    const details = { account: encodeId("Account", owner), description, expiresAt: latest };
    const record = { projectId, actorId: viewer.accountId, action: "createToken", target, details };
    await addAuditEntry(transaction, record, engine.clock);
    return made;
  });
}

/** A token that leaked must not be turned into one that can do more or lasts longer. */
function checkOwnLimits(viewer: Viewer, { projectId, expiresAt }: CreateToken): void {
  const { onlyProjectId, tokenExpiresAt } = viewer;
  if (onlyProjectId !== null && projectId !== onlyProjectId)
    throw new ForbiddenError("your token is limited to one project: so must be those that it makes");
  if (tokenExpiresAt !== null && expiresAt !== null && expiresAt > tokenExpiresAt)
    throw invalidValue("input.expiresAt", "must not be later than the end of the token that asks");
}

async function otherAccount(transaction: Transaction, viewer: Viewer, wish: CreateToken): Promise<string> {
  const account = isSystemAdmin(viewer) ? await findAccount(transaction, wish.accountId!) : null;
  return account?.type === "USER" ? account.id : await serviceAccount(transaction, viewer, wish);
}

async function serviceAccount(
  transaction: Transaction,
  viewer: Viewer,
  { accountId, projectId }: CreateToken,
): Promise<string> {
  if (projectId === null)
    throw invalidValue("input.projectId", "the token of a service account must be limited to a project");
  if (roleIn(viewer, projectId) !== "PROJECT_ADMIN")
    throw new ForbiddenError("createToken for a service account needs the role PROJECT_ADMIN");
  const account = await findAccount(transaction, accountId!);
  const role = await roleOfMember(transaction, projectId, accountId!);
  if (account?.type !== "SERVICE" || role === null) throw notFound("input.accountId");
  return account.id;
}
