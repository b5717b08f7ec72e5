import type { Viewer } from "../domain/access.ts";
import { encodeId } from "../domain/ids.ts";
import { notFound } from "../domain/refusals.ts";
import type { Engine } from "../orchestration/transition.ts";
import { addAuditEntry } from "../persistence/audit-store.ts";
import { findWebhooks, type WebhookSettings } from "../persistence/queries/webhooks.ts";
import { lockWebhook, updateWebhookRow } from "../persistence/webhook-store.ts";
import { authorize } from "./authorize.ts";
import { type CommandOptions, carryOutOnce, checkRevision } from "./command.ts";
import { nameTaken } from "./trigger-name.ts";
import { checkWebhook } from "./webhook-settings.ts";

const PATH = "input.webhookId";

/** Changes what is named in `change` and leaves the rest as it is. */
export async function updateWebhook(
  engine: Engine,
  viewer: Viewer,
  { webhookId, change }: { readonly webhookId: string; readonly change: Partial<WebhookSettings> },
  options: CommandOptions,
): Promise<void> {
  const [known] = await findWebhooks(engine.database, [webhookId]);
  if (known === undefined) throw notFound(PATH);
  const { projectId } = known;
  authorize(viewer, projectId, "updateWebhook", PATH);

  const command = { mutation: "updateWebhook", projectId, options } as const;
  await carryOutOnce(engine, viewer, command, async (transaction) => {
    const before = await lockWebhook(transaction, webhookId);
    if (before === null) throw notFound(PATH);
    checkRevision(options, before.revision, PATH);
    const after = { ...before, ...change };
    await checkWebhook(transaction, engine, before.workflowId, after);
    if (!(await updateWebhookRow(transaction, webhookId, after, engine.clock.now())))
      throw nameTaken("webhook", after.name);
    const record = {
      projectId,
      actorId: viewer.accountId,
      action: "updateWebhook",
      target: encodeId("Webhook", webhookId),
      details: { changed: Object.keys(change) },
    };
    await addAuditEntry(transaction, record, engine.clock);
    return { result: null };
  });
}
