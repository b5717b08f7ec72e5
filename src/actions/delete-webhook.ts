import type { Viewer } from "../domain/access.ts";
import { encodeId } from "../domain/ids.ts";
import { notFound } from "../domain/refusals.ts";
import type { Engine } from "../orchestration/transition.ts";
import { addAuditEntry } from "../persistence/audit-store.ts";
import { findWebhooks } from "../persistence/queries/webhooks.ts";
import { deleteWebhookRow, lockWebhook } from "../persistence/webhook-store.ts";
import { authorize } from "./authorize.ts";
import { type CommandOptions, carryOutOnce, checkRevision } from "./command.ts";

const PATH = "input.webhookId";

/** Removes a webhook: its address answers nobody any more. The runs that it made stay. */
export async function deleteWebhook(
  engine: Engine,
  viewer: Viewer,
  webhookId: string,
  options: CommandOptions,
): Promise<void> {
  const [known] = await findWebhooks(engine.database, [webhookId]);
  if (known === undefined) throw notFound(PATH);
  const { projectId } = known;
  authorize(viewer, projectId, "deleteWebhook", PATH);

  const command = { mutation: "deleteWebhook", projectId, options } as const;
  await carryOutOnce(engine, viewer, command, async (transaction) => {
    const webhook = await lockWebhook(transaction, webhookId);
    if (webhook === null) throw notFound(PATH);
    checkRevision(options, webhook.revision, PATH);
    await deleteWebhookRow(transaction, webhookId);
    const record = {
      projectId,
      actorId: viewer.accountId,
      action: "deleteWebhook",
      target: encodeId("Webhook", webhookId),
      details: { name: webhook.name },
    };
    await addAuditEntry(transaction, record, engine.clock);
    return { result: null };
  });
}
