import type { Viewer } from "../domain/access.ts";
import { encodeId } from "../domain/ids.ts";
import { notFound } from "../domain/refusals.ts";
import type { Engine } from "../orchestration/transition.ts";
import { addAuditEntry } from "../persistence/audit-store.ts";
import { findWebhooks } from "../persistence/queries/webhooks.ts";
import { lockWebhook, replaceWebhookSecret } from "../persistence/webhook-store.ts";
import { authorize } from "./authorize.ts";
import { type CommandOptions, carryOutOnce, checkRevision } from "./command.ts";
import type { WebhookWithSecret } from "./create-webhook.ts";
import type { SecretBox } from "./secret-box.ts";
import { makeSecret } from "./webhook-settings.ts";

export interface RotateWebhookSecret {
  readonly webhookId: string;
  readonly secrets: SecretBox | null;
}

const PATH = "input.webhookId";

/** Gives a webhook another signing secret; from then on the old one signs nothing any more. */
export async function rotateWebhookSecret(
  engine: Engine,
  viewer: Viewer,
  { webhookId, secrets }: RotateWebhookSecret,
  options: CommandOptions,
): Promise<WebhookWithSecret> {
  const [known] = await findWebhooks(engine.database, [webhookId]);
  if (known === undefined) throw notFound(PATH);
  const { projectId } = known;
  authorize(viewer, projectId, "rotateWebhookSecret", PATH);

  let told: string | null = null;
  const command = { mutation: "rotateWebhookSecret", projectId, options } as const;
  await carryOutOnce(engine, viewer, command, async (transaction) => {
    const { text, sealed } = makeSecret(secrets, webhookId);
    const webhook = await lockWebhook(transaction, webhookId);
    if (webhook === null) throw notFound(PATH);
    checkRevision(options, webhook.revision, PATH);
    await replaceWebhookSecret(transaction, webhookId, sealed, engine.clock.now());
    const record = {
      projectId,
      actorId: viewer.accountId,
      action: "rotateWebhookSecret",
      target: encodeId("Webhook", webhookId),
      details: { name: webhook.name },
    };
    await addAuditEntry(transaction, record, engine.clock);
    told = text;
    return { result: null };
  });
  return { webhookId, secret: options.dryRun ? null : told };
}
