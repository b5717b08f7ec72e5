import type { Viewer } from "../domain/access.ts";
import { encodeId } from "../domain/ids.ts";
import { notFound } from "../domain/refusals.ts";
import type { Engine } from "../orchestration/transition.ts";
import { addAuditEntry } from "../persistence/audit-store.ts";
import { newKey } from "../persistence/keys.ts";
import type { WebhookSettings } from "../persistence/queries/webhooks.ts";
import { findWorkflow } from "../persistence/queries/workflows.ts";
import { insertWebhook } from "../persistence/webhook-store.ts";
import { authorize } from "./authorize.ts";
import { type CommandOptions, carryOutOnce } from "./command.ts";
import { refuseArchived } from "./refuse-archived.ts";
import type { SecretBox } from "./secret-box.ts";
import { nameTaken } from "./trigger-name.ts";
import { checkWebhook, makeSecret } from "./webhook-settings.ts";

export interface CreateWebhook {
  readonly workflowId: string;
  readonly settings: WebhookSettings;
  readonly secrets: SecretBox | null;
}

export interface WebhookWithSecret {
  readonly webhookId: string;
  /** Told this once; null when the command was only checked, or had been carried out before. */
  readonly secret: string | null;
}

/** Makes an address that starts a workflow. */
export async function createWebhook(
  engine: Engine,
  viewer: Viewer,
  { workflowId, settings, secrets }: CreateWebhook,
  options: CommandOptions,
): Promise<WebhookWithSecret> {
  const workflow = await findWorkflow(engine.database, workflowId);
  if (workflow === null) throw notFound("input.workflowId");
  const { projectId } = workflow;
  authorize(viewer, projectId, "createWebhook", "input.workflowId");
  refuseArchived(workflow, "input.workflowId");

  let told: string | null = null;
  const command = { mutation: "createWebhook", projectId, options } as const;
  const webhookId = await carryOutOnce(engine, viewer, command, async (transaction) => {
    const { clock } = engine;
    const id = newKey(clock);
    const { text, sealed } = makeSecret(secrets, id);
    await checkWebhook(transaction, engine, workflowId, settings);
    const webhook = { ...settings, id, projectId, workflowId, secret: sealed, createdBy: viewer.accountId };
    if (!(await insertWebhook(transaction, webhook, clock.now()))) throw nameTaken("webhook", settings.name);
    const { name, enabled } = settings;
    const record = {
      projectId,
      actorId: viewer.accountId,
      action: "createWebhook",
      target: encodeId("Webhook", id),
      details: { workflow: workflow.name, name, enabled },
    };
    await addAuditEntry(transaction, record, clock);
    told = text;
    return { result: id };
  });
  return { webhookId, secret: options.dryRun ? null : told };
}
