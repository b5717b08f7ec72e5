import { isSystemAdmin, type ProjectRole, type Viewer } from "../domain/access.ts";
import { invalidState, invalidValue, notFound } from "../domain/refusals.ts";
import type { Engine } from "../orchestration/transition.ts";
import type { Transaction } from "../persistence/database.ts";
import { hasOtherAdmin, removeMember, roleOfMember, setMember } from "../persistence/project-store.ts";
import { type AccountRef, referredAccount } from "./account-ref.ts";
import { changeProject } from "./change-project.ts";
import type { CommandOptions } from "./command.ts";

export interface ProjectMember {
  readonly projectId: string;
  readonly account: AccountRef;
}

/** Makes an account a member of the project, or gives a member another role. */
export async function setProjectMember(
  engine: Engine,
  viewer: Viewer,
  { projectId, account: ref, role }: ProjectMember & { readonly role: ProjectRole },
  options: CommandOptions,
): Promise<void> {
  const command = { mutation: "setProjectMember", projectId, options } as const;
  await changeProject(engine, viewer, command, async (transaction) => {
    const account = await referredAccount(transaction, ref);
    const { id: accountId } = account;
    if (account.type === "RUNNER" || account.type === "SYSTEM")
      throw invalidValue("input.account", "only people and services can be members");
    const before = await roleOfMember(transaction, projectId, accountId);
    if (before === role) return null;
    if (before === "PROJECT_ADMIN") await keepAnAdmin(transaction, viewer, projectId, accountId);
    await setMember(transaction, projectId, accountId, role);
    return { username: account.username, before, role };
  });
}

/** Removes a member; NotFound when the account is none. */
export async function removeProjectMember(
  engine: Engine,
  viewer: Viewer,
  { projectId, account: ref }: ProjectMember,
  options: CommandOptions,
): Promise<void> {
  const command = { mutation: "removeProjectMember", projectId, options } as const;
  await changeProject(engine, viewer, command, async (transaction) => {
    const { id: accountId, username } = await referredAccount(transaction, ref);
    const role = await roleOfMember(transaction, projectId, accountId);
    if (role === null) throw notFound("input.account");
    if (role === "PROJECT_ADMIN") await keepAnAdmin(transaction, viewer, projectId, accountId);
    await removeMember(transaction, projectId, accountId);
    return { username, role };
  });
}

/** A project without an administrator could only be helped by those of the whole installation. */
async function keepAnAdmin(
  transaction: Transaction,
  viewer: Viewer,
  projectId: string,
  accountId: string,
): Promise<void> {
  if (isSystemAdmin(viewer) || (await hasOtherAdmin(transaction, projectId, accountId))) return;
  const message = "this is the project's last administrator: give somebody else the role PROJECT_ADMIN first";
  throw invalidState("input.account", message, "LAST_PROJECT_ADMIN", []);
}
