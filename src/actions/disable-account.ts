import type { Viewer } from "../domain/access.ts";
import { encodeId } from "../domain/ids.ts";
import { invalidValue } from "../domain/refusals.ts";
import type { Engine } from "../orchestration/transition.ts";
import { setAccountDisabled } from "../persistence/account-store.ts";
import { addAuditEntry } from "../persistence/audit-store.ts";
import { type AccountRef, referredAccount } from "./account-ref.ts";
import { authorizeSystem } from "./authorize.ts";
import { type CommandOptions, carryOutOnce } from "./command.ts";
import { INSTALLATION } from "./installation.ts";

/** Every token of the account is refused from now on, its sockets are closed. Asking again changes nothing. @returns the account's key */
export async function disableAccount(
  engine: Engine,
  viewer: Viewer,
  account: AccountRef,
  options: CommandOptions,
): Promise<string> {
  return await change(engine, viewer, { mutation: "disableAccount", account }, options);
}

export async function enableAccount(
  engine: Engine,
  viewer: Viewer,
  account: AccountRef,
  options: CommandOptions,
): Promise<string> {
  return await change(engine, viewer, { mutation: "enableAccount", account }, options);
}

interface Change {
  readonly mutation: "disableAccount" | "enableAccount";
  readonly account: AccountRef;
}

async function change(
  engine: Engine,
  viewer: Viewer,
  { mutation, account: ref }: Change,
  options: CommandOptions,
): Promise<string> {
  authorizeSystem(viewer, mutation);
  const command = { mutation, projectId: INSTALLATION, options };
  return await carryOutOnce(engine, viewer, command, async (transaction) => {
    const { id: accountId, username, type } = await referredAccount(transaction, ref);
    const disabling = mutation === "disableAccount";
    if (disabling && accountId === viewer.accountId)
      throw invalidValue("input.account", "nobody can disable their own account");
    const disabledAt = disabling ? engine.clock.now() : null;
    if (await setAccountDisabled(transaction, accountId, disabledAt)) {
      const target = encodeId("Account", accountId);
      const record = { projectId: null, actorId: viewer.accountId, action: mutation, target };
      await addAuditEntry(transaction, { ...record, details: { username, type } }, engine.clock);
    }
    return { result: accountId };
  });
}
