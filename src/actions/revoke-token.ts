import { isSystemAdmin, roleIn, type Viewer } from "../domain/access.ts";
import { encodeId } from "../domain/ids.ts";
import { ForbiddenError, notFound } from "../domain/refusals.ts";
import type { Engine } from "../orchestration/transition.ts";
import { addAuditEntry } from "../persistence/audit-store.ts";
import { lockToken, revokeToken as store, type TokenRow } from "../persistence/token-store.ts";
import { type CommandOptions, carryOutOnce } from "./command.ts";
import { INSTALLATION } from "./installation.ts";

/** Ends a token for good. Asking again changes nothing. */
export async function revokeToken(
  engine: Engine,
  viewer: Viewer,
  tokenId: string,
  options: CommandOptions,
): Promise<void> {
  if (viewer.type === "RUNNER") throw new ForbiddenError("revokeToken is not for runners");
  const command = { mutation: "revokeToken", projectId: INSTALLATION, options } as const;
  await carryOutOnce(engine, viewer, command, async (transaction) => {
    const token = await lockToken(transaction, tokenId);
    if (token === null) throw notFound("input.tokenId");
    authorizeEnd(viewer, token);
    if (token.revokedAt === null) {
      await store(transaction, tokenId, engine.clock.now());
      const target = encodeId("ApiToken", tokenId);
      const { projectId, description } = token;
      const details = { account: encodeId("Account", token.accountId), description };
      const record = { projectId, actorId: viewer.accountId, action: "revokeToken", target, details };
      await addAuditEntry(transaction, record, engine.clock);
    }
    return { result: null };
  });
}

/** One's own tokens, those of the services and runners of a project one administers, or as system administrator all. */
function authorizeEnd(viewer: Viewer, token: TokenRow): void {
  const { accountId, accountType, projectId, memberOf } = token;
  if (isSystemAdmin(viewer)) return;
  const withinLimit = viewer.onlyProjectId === null || viewer.onlyProjectId === projectId;
  if (accountId === viewer.accountId && withinLimit) return;
  if (accountType !== "SERVICE" && accountType !== "RUNNER") throw notFound("input.tokenId");
  // A token that is good in several projects is the business of those who administer all of them.
  const roles = (projectId === null ? memberOf : [projectId]).map((id) => roleIn(viewer, id));
  if (roles.length === 0 || roles.includes(null)) throw notFound("input.tokenId");
  if (roles.some((role) => role !== "PROJECT_ADMIN"))
    throw new ForbiddenError("revokeToken needs the role PROJECT_ADMIN for tokens of services and runners");
}
