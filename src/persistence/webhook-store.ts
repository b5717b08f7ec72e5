import { sqlState, type Transaction, UNIQUE_VIOLATION } from "./database.ts";
import type { Queryable, Statement } from "./queries/queryable.ts";
import { WEBHOOK_COLUMNS, type WebhookRecord, type WebhookSettings } from "./queries/webhooks.ts";

const INSERT: Statement = {
  name: "insert-webhook",
  text: `insert into webhook (id, project_id, workflow_id, name, enabled, mapping, secret, created_by, created_at,
      updated_at)
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9)
    on conflict (workflow_id, name) do nothing returning id`,
};
const LOCK: Statement = {
  name: "lock-webhook",
  text: `select ${WEBHOOK_COLUMNS} from webhook where id = $1 for update`,
};
const UPDATE: Statement = {
  name: "update-webhook",
  text: `update webhook set name = $2, enabled = $3, mapping = $4, updated_at = $5, revision = revision + 1
    where id = $1`,
};
const REPLACE_SECRET: Statement = {
  name: "replace-webhook-secret",
  text: "update webhook set secret = $2, updated_at = $3, revision = revision + 1 where id = $1",
};
const DELETE: Statement = { name: "delete-webhook", text: "delete from webhook where id = $1" };
const SECRET: Statement = {
  name: "enabled-webhook-secret",
  text: "select secret from webhook where id = $1 and enabled",
};
const OPEN: Statement = {
  name: "open-webhook",
  text: `update webhook set last_delivery_at = $2 where id = $1 and enabled and secret = $3
    returning ${WEBHOOK_COLUMNS}`,
};
/** Waits for a transaction that holds the same key, and then sees what it left. */
const ADD_DELIVERY: Statement = {
  name: "add-webhook-delivery",
  text: `insert into webhook_delivery as d (webhook_id, key, run_id, at) values ($1, $2, null, $3)
    on conflict (webhook_id, key) do update set run_id = null, at = excluded.at where d.at <= $4
    returning true as added`,
};
const DELIVERED_RUN: Statement = {
  name: "delivered-run",
  text: `select run_id as "runId" from webhook_delivery where webhook_id = $1 and key = $2`,
};
const NOTE_RUN: Statement = {
  name: "note-delivered-run",
  text: "update webhook_delivery set run_id = $3 where webhook_id = $1 and key = $2",
};
const FORGET: Statement = {
  name: "forget-webhook-deliveries",
  text: "delete from webhook_delivery where at <= $1",
};

export interface NewWebhook extends WebhookSettings {
  readonly id: string;
  readonly projectId: string;
  readonly workflowId: string;
  /** Sealed. */
  readonly secret: Buffer;
  readonly createdBy: string;
}

/** @returns false when the workflow has a webhook of that name already */
export async function insertWebhook(
  transaction: Transaction,
  webhook: NewWebhook,
  now: Date,
): Promise<boolean> {
  const { id, projectId, workflowId, name, enabled, mapping, secret, createdBy } = webhook;
  const values = [id, projectId, workflowId, name, enabled, JSON.stringify(mapping), secret, createdBy, now];
  return (await transaction.query(INSERT, values)).length > 0;
}

export async function lockWebhook(transaction: Transaction, id: string): Promise<WebhookRecord | null> {
  const [row] = await transaction.query<WebhookRecord>(LOCK, [id]);
  return row ?? null;
}

/** @returns false when another webhook of the workflow has that name; the transaction can only be rolled back then */
export async function updateWebhookRow(
  transaction: Transaction,
  id: string,
  { name, enabled, mapping }: WebhookSettings,
  now: Date,
): Promise<boolean> {
  try {
    await transaction.query(UPDATE, [id, name, enabled, JSON.stringify(mapping), now]);
    return true;
  } catch (error) {
    if (sqlState(error) === UNIQUE_VIOLATION) return false;
    throw error;
  }
}

export async function replaceWebhookSecret(
  transaction: Transaction,
  id: string,
  sealed: Buffer,
  now: Date,
): Promise<void> {
  await transaction.query(REPLACE_SECRET, [id, sealed, now]);
}

export async function deleteWebhookRow(transaction: Transaction, id: string): Promise<void> {
  await transaction.query(DELETE, [id]);
}

/** The sealed secret of a webhook that is there and enabled. */
export async function enabledWebhookSecret(source: Queryable, id: string): Promise<Buffer | null> {
  const [row] = await source.query<{ secret: Buffer }>(SECRET, [id]);
  return row?.secret ?? null;
}

/** Locks the webhook for a delivery, unless it was disabled, deleted or given another secret meanwhile. */
export async function openWebhook(
  transaction: Transaction,
  id: string,
  sealed: Buffer,
  now: Date,
): Promise<WebhookRecord | null> {
  const [row] = await transaction.query<WebhookRecord>(OPEN, [id, now, sealed]);
  return row ?? null;
}

/** Takes a delivery's key. @returns the run that it made already since `expired`, or null when the key is free */
export async function openDelivery(
  transaction: Transaction,
  webhookId: string,
  key: string,
  now: Date,
  expired: Date,
): Promise<string | null> {
  if ((await transaction.query(ADD_DELIVERY, [webhookId, key, now, expired])).length > 0) return null;
  const [row] = await transaction.query<{ runId: string | null }>(DELIVERED_RUN, [webhookId, key]);
  return row?.runId ?? null;
}

export async function noteDeliveredRun(
  transaction: Transaction,
  webhookId: string,
  key: string,
  runId: string,
): Promise<void> {
  await transaction.query(NOTE_RUN, [webhookId, key, runId]);
}

export async function forgetDeliveries(source: Queryable, before: Date): Promise<void> {
  await source.query(FORGET, [before]);
}
