import type { Viewer } from "../domain/access.ts";
import { notFound } from "../domain/refusals.ts";
import type { Engine } from "../orchestration/transition.ts";
import { addAuditEntry } from "../persistence/audit-store.ts";
import { deleteSecretRow, lockSecret } from "../persistence/secret-store.ts";
import { type CommandOptions, carryOutOnce, checkRevision } from "./command.ts";
import { type SecretName, secretOwner } from "./secret-owner.ts";

/** Takes a secret away: steps that use it fail from then on, unless their project has one of that name. */
export async function deleteSecret(
  engine: Engine,
  viewer: Viewer,
  { owner: key, name }: SecretName,
  options: CommandOptions,
): Promise<void> {
  const { target, ...owner } = await secretOwner(engine, viewer, key, "deleteSecret");
  const { projectId } = owner;
  await carryOutOnce(
    engine,
    viewer,
    { mutation: "deleteSecret", projectId, options },
    async (transaction) => {
      const known = await lockSecret(transaction, owner, name);
      if (known === null) throw notFound("input.name");
      checkRevision(options, known.revision, "input.expectedRevision");
      await deleteSecretRow(transaction, known.id);
      const record = {
        projectId,
        actorId: viewer.accountId,
        action: "deleteSecret",
        target,
        details: { name },
      };
      await addAuditEntry(transaction, record, engine.clock);
      return { result: null };
    },
  );
}
