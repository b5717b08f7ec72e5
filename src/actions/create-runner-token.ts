import { isSystemAdmin, type Viewer } from "../domain/access.ts";
import { encodeId } from "../domain/ids.ts";
import { ForbiddenError, invalidValue, notFound } from "../domain/refusals.ts";
import type { Engine } from "../orchestration/transition.ts";
import { addAccount } from "../persistence/account-store.ts";
import { addAuditEntry } from "../persistence/audit-store.ts";
import type { Transaction } from "../persistence/database.ts";
import { lockProject } from "../persistence/project-store.ts";
import { findAccountByUsername } from "../persistence/queries/accounts.ts";
import { addToken, hasTokensBeyond, type MadeToken } from "../persistence/token-store.ts";
import { authorize } from "./authorize.ts";
import { TextFaults } from "./check-texts.ts";
import { refuseTaken } from "./refuse-taken.ts";

export interface CreateRunnerToken {
  /** The one project whose steps its runners execute; null = of all projects. */
  readonly projectId: string | null;
  /** The runners' account, made if there is none; null = one that is named after the project. */
  readonly username: string | null;
  readonly description: string;
  readonly expiresAt: Date | null;
}

/** Makes a token for runners. Without idempotency key, as the token is not kept. */
export async function createRunnerToken(
  engine: Engine,
  viewer: Viewer,
  wish: CreateRunnerToken,
): Promise<MadeToken> {
  const { projectId, description, expiresAt } = wish;
  if (projectId !== null) authorize(viewer, projectId, "createRunnerToken", "input.projectId");
  else if (!isSystemAdmin(viewer))
    throw new ForbiddenError("runners of all projects are for system administrators: give a projectId");
  const faults = new TextFaults().description("input.description", description);
  if (wish.username !== null) faults.username("input.username", wish.username);
  if (expiresAt !== null) faults.future("input.expiresAt", expiresAt, engine.clock.now());
  faults.throwIfAny();

  return await refuseTaken("input.username", TAKEN, async () => {
    return await engine.database.transaction(async (transaction) => {
      const username = wish.username ?? (await defaultUsername(transaction, projectId));
      const accountId = await openRunnerAccount(transaction, engine, { username, projectId });
      const made = await addToken(
        transaction,
        { accountId, projectId, description, expiresAt },
        engine.clock,
      );
      const target = encodeId("ApiToken", made.id);
      const details = { username, description, expiresAt };
      const record = { projectId, actorId: viewer.accountId, action: "createRunnerToken", target, details };
      await addAuditEntry(transaction, record, engine.clock);
      return made;
    });
  });
}

const TAKEN = "an account of this username exists that is not for these runners; give another username";

async function defaultUsername(transaction: Transaction, projectId: string | null): Promise<string> {
  if (projectId === null) return "runner";
  const project = await lockProject(transaction, projectId);
  if (project === null) throw notFound("input.projectId");
  return `${project.slug}-runner`;
}

/** Runners of one account are told apart only by their names, so an account never serves two projects. */
async function openRunnerAccount(
  transaction: Transaction,
  { clock }: Engine,
  { username, projectId }: { readonly username: string; readonly projectId: string | null },
): Promise<string> {
  const account = await findAccountByUsername(transaction, username);
  if (account === null) {
    const runner = { type: "RUNNER", username, name: username, avatarUrl: null, systemAdmin: false } as const;
    return await addAccount(transaction, runner, clock);
  }
  if (account.type !== "RUNNER" || (await hasTokensBeyond(transaction, account.id, projectId)))
    throw invalidValue("input.username", TAKEN);
  return account.id;
}
