import { randomBytes } from "node:crypto";
import { encodeId } from "../domain/ids.ts";
import { announce, type Engine } from "../orchestration/transition.ts";
import type { AppliedDeltas } from "../persistence/run-store.ts";
import {
  enabledWebhookSecret,
  noteDeliveredRun,
  openDelivery,
  openWebhook,
} from "../persistence/webhook-store.ts";
import { createRun } from "./create-run.ts";
import type { SecretBox } from "./secret-box.ts";
import { readDelivery } from "./webhook-mapping.ts";
import { secretPurpose } from "./webhook-settings.ts";
import { type SignedDelivery, verifiedDelivery } from "./webhook-signature.ts";

/** For so long the same delivery again makes no second run. */
export const REMEMBER_DELIVERIES_MS = 24 * 60 * 60 * 1_000;

/** A delivery whose sender is known to have the webhook's secret. */
export interface KnownDelivery {
  readonly webhookId: string;
  /** What names it among the webhook's deliveries. */
  readonly key: string;
  /** The secret under which it was signed, sealed. */
  readonly sealed: Buffer;
}

/** The stored secret does not open: it was sealed under another key. */
export class UnreadableSecretError extends Error {}

/** Null when the webhook does not exist or is disabled, as well as when the signature is not good. */
export async function recognizeDelivery(
  engine: Engine,
  secrets: SecretBox,
  webhookId: string,
  delivery: SignedDelivery,
): Promise<KnownDelivery | null> {
  const now = engine.clock.now();
  const sealed = await enabledWebhookSecret(engine.database, webhookId);
  if (sealed === null) {
    // As much work as for a webhook that is there: the time of the answer tells nothing.
    verifiedDelivery(randomBytes(32).toString("base64"), delivery, now);
    return null;
  }
  const secret = secrets.open(sealed, secretPurpose(webhookId));
  if (secret === null) throw new UnreadableSecretError(`the secret of webhook ${webhookId} cannot be read`);
  const key = verifiedDelivery(secret, delivery, now);
  return key === null ? null : { webhookId, key, sealed };
}

export interface DeliveredRun {
  readonly runId: string;
  /** The delivery had come before: this is the run that it made then. */
  readonly repeated: boolean;
}

/** Makes the run that a delivery asks for. Null when the webhook is gone meanwhile. */
export async function deliverWebhook(
  engine: Engine,
  { webhookId, key, sealed }: KnownDelivery,
  body: unknown,
): Promise<DeliveredRun | null> {
  const { delivered, applied } = await engine.database.transaction<Delivered>(async (transaction) => {
    const now = engine.clock.now();
    const webhook = await openWebhook(transaction, webhookId, sealed, now);
    if (webhook === null) return { delivered: null, applied: null };
    const expired = new Date(now.getTime() - REMEMBER_DELIVERIES_MS);
    const known = await openDelivery(transaction, webhookId, key, now, expired);
    if (known !== null) return { delivered: { runId: known, repeated: true }, applied: null };
    const { runId, applied } = await createRun(transaction, engine, {
      workflowId: webhook.workflowId,
      actorId: webhook.createdBy,
      trigger: { type: "WEBHOOK", ref: encodeId("Webhook", webhookId) },
      options: readDelivery(webhook.mapping, body),
    });
    await noteDeliveredRun(transaction, webhookId, key, runId);
    return { delivered: { runId, repeated: false }, applied };
  });
  if (applied !== null) announce(engine.bus, applied);
  return delivered;
}

interface Delivered {
  readonly delivered: DeliveredRun | null;
  readonly applied: AppliedDeltas | null;
}
