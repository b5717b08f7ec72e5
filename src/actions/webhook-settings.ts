import { invalid, notFound } from "../domain/refusals.ts";
import type { Engine } from "../orchestration/transition.ts";
import type { Transaction } from "../persistence/database.ts";
import type { WebhookSettings } from "../persistence/queries/webhooks.ts";
import { latestVersion } from "../persistence/workflow-store.ts";
import { noEncryptionKey } from "./encryption-key.ts";
import type { SecretBox } from "./secret-box.ts";
import { nameFaults } from "./trigger-name.ts";
import { mappingFaults } from "./webhook-mapping.ts";
import { newWebhookSecret } from "./webhook-signature.ts";

/** Throws a refusal that names everything that is wrong, judged by the workflow's latest version. */
export async function checkWebhook(
  transaction: Transaction,
  engine: Engine,
  workflowId: string,
  { name, mapping }: WebhookSettings,
): Promise<void> {
  const latest = await latestVersion(transaction, workflowId);
  if (latest === null) throw notFound("input.workflowId");
  const { definition } = await engine.versions.get(transaction, latest.id);
  const faults = [...nameFaults(name), ...mappingFaults(definition, mapping)];
  if (faults.length > 0) throw invalid("input", faults);
}

export interface NewSecret {
  readonly text: string;
  readonly sealed: Buffer;
}

/** A new signing secret for a webhook, sealed for its row alone. */
export function makeSecret(secrets: SecretBox | null, webhookId: string): NewSecret {
  if (secrets === null) {
    throw noEncryptionKey();
  }
  const text = newWebhookSecret();
  return { text, sealed: secrets.seal(text, secretPurpose(webhookId)) };
}

export function secretPurpose(webhookId: string): string {
  return `webhook ${webhookId}`;
}
