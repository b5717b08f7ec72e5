import type { ProjectRole, Viewer } from "../domain/access.ts";
import { encodeId } from "../domain/ids.ts";
import { notFound } from "../domain/refusals.ts";
import type { Engine } from "../orchestration/transition.ts";
import { addAccount } from "../persistence/account-store.ts";
import { addAuditEntry } from "../persistence/audit-store.ts";
import { lockProject, setMember } from "../persistence/project-store.ts";
import { authorize } from "./authorize.ts";
import { TextFaults } from "./check-texts.ts";
import { type CommandOptions, carryOutOnce } from "./command.ts";
import { USERNAME_TAKEN } from "./create-user.ts";
import { refuseTaken } from "./refuse-taken.ts";

export interface CreateServiceAccount {
  readonly projectId: string;
  readonly username: string;
  readonly name: string;
  readonly role: ProjectRole;
}

/** Makes an account for a program and a member of the project of it. @returns its key */
export async function createServiceAccount(
  engine: Engine,
  viewer: Viewer,
  { projectId, username, name, role }: CreateServiceAccount,
  options: CommandOptions,
): Promise<string> {
  authorize(viewer, projectId, "createServiceAccount", "input.projectId");
  new TextFaults().username("input.username", username).name("input.name", name).throwIfAny();
  const command = { mutation: "createServiceAccount", projectId, options } as const;
  return await refuseTaken("input.username", USERNAME_TAKEN, async () => {
    return await carryOutOnce(engine, viewer, command, async (transaction) => {
      if ((await lockProject(transaction, projectId)) === null) throw notFound("input.projectId");
      const account = { type: "SERVICE", username, name, avatarUrl: null, systemAdmin: false } as const;
      const accountId = await addAccount(transaction, account, engine.clock);
      await setMember(transaction, projectId, accountId, role);
      const target = encodeId("Account", accountId);
      const record = { projectId, actorId: viewer.accountId, action: "createServiceAccount", target };
      await addAuditEntry(transaction, { ...record, details: { username, role } }, engine.clock);
      return { result: accountId };
    });
  });
}
