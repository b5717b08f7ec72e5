import type { Viewer } from "../domain/access.ts";
import { encodeId } from "../domain/ids.ts";
import type { Engine } from "../orchestration/transition.ts";
import { addAccount } from "../persistence/account-store.ts";
import { addAuditEntry } from "../persistence/audit-store.ts";
import { authorizeSystem } from "./authorize.ts";
import { TextFaults } from "./check-texts.ts";
import { type CommandOptions, carryOutOnce } from "./command.ts";
import { INSTALLATION } from "./installation.ts";
import { refuseTaken } from "./refuse-taken.ts";

export interface CreateUser {
  readonly username: string;
  readonly name: string;
  readonly avatarUrl: string | null;
  readonly systemAdmin: boolean;
}

export const USERNAME_TAKEN = "another account has this username";

/** Makes an account for a person. @returns its key */
export async function createUser(
  engine: Engine,
  viewer: Viewer,
  user: CreateUser,
  options: CommandOptions,
): Promise<string> {
  authorizeSystem(viewer, "createUser");
  const { username, name, avatarUrl, systemAdmin } = user;
  const faults = new TextFaults().username("input.username", username).name("input.name", name);
  if (avatarUrl !== null) faults.pictureUrl("input.avatarUrl", avatarUrl);
  faults.throwIfAny();
  const command = { mutation: "createUser", projectId: INSTALLATION, options } as const;
  return await refuseTaken("input.username", USERNAME_TAKEN, async () => {
    return await carryOutOnce(engine, viewer, command, async (transaction) => {
      const id = await addAccount(transaction, { ...user, type: "USER" }, engine.clock);
      const target = encodeId("Account", id);
      const record = { projectId: null, actorId: viewer.accountId, action: "createUser", target };
      await addAuditEntry(transaction, { ...record, details: { username, systemAdmin } }, engine.clock);
      return { result: id };
    });
  });
}
