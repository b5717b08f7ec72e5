import { triggerReads } from "./trigger-lists.ts";

/** Where in the body of a delivery each part of the run's start is found: JSON Pointers (RFC 6901). */
export interface WebhookMapping {
  readonly inputs: Readonly<Record<string, string>>;
  readonly branch: string | null;
  readonly commit: string | null;
  readonly message: string | null;
  readonly labels: Readonly<Record<string, string>>;
}

/** What its owner decides about a webhook. */
export interface WebhookSettings {
  readonly name: string;
  readonly enabled: boolean;
  readonly mapping: WebhookMapping;
}

/** Everything but the secret, which only the delivery itself reads. */
export interface WebhookRecord extends WebhookSettings {
  readonly id: string;
  readonly projectId: string;
  readonly workflowId: string;
  readonly lastDeliveryAt: Date | null;
  readonly revision: number;
  readonly createdBy: string;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

export const WEBHOOK_COLUMNS = `id, project_id as "projectId", workflow_id as "workflowId", name, mapping, enabled,
  last_delivery_at as "lastDeliveryAt", revision, created_by as "createdBy", created_at as "createdAt",
  updated_at as "updatedAt"`;
export const {
  find: findWebhooks,
  list: listWebhooks,
  count: countWebhooks,
} = triggerReads<WebhookRecord>("webhook", WEBHOOK_COLUMNS);
