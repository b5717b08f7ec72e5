import type { Queryable, Statement } from "./queryable.ts";
import type { NamePosition, TriggerScope } from "./schedules.ts";

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
const FIND: Statement = {
  name: "find-webhooks",
  text: `select ${WEBHOOK_COLUMNS} from webhook where id = any ($1)`,
};
const LIST: Statement = {
  name: "list-webhooks",
  text: `select ${WEBHOOK_COLUMNS} from webhook
    where project_id = any ($1) and ($2::uuid is null or workflow_id = $2) and (name, id) > ($3, $4)
    order by name, id limit $5`,
};
const COUNT: Statement = {
  name: "count-webhooks",
  text: `select count(*)::integer as count from (
    select from webhook where project_id = any ($1) and ($2::uuid is null or workflow_id = $2) limit $3) matching`,
};

/** Before every key, so that the first page starts after the empty name. */
const LOWEST_KEY = "00000000-0000-0000-0000-000000000000";

export async function findWebhooks(source: Queryable, ids: readonly string[]): Promise<WebhookRecord[]> {
  return await source.query<WebhookRecord>(FIND, [ids]);
}

export async function listWebhooks(
  source: Queryable,
  { projectIds, workflowId }: TriggerScope,
  after: NamePosition | null,
  limit: number,
): Promise<WebhookRecord[]> {
  const values = [projectIds, workflowId, after?.name ?? "", after?.id ?? LOWEST_KEY, limit];
  return await source.query<WebhookRecord>(LIST, values);
}

export async function countWebhooks(
  source: Queryable,
  { projectIds, workflowId }: TriggerScope,
  cap: number,
): Promise<number> {
  const [row] = await source.query<{ count: number }>(COUNT, [projectIds, workflowId, cap]);
  return row!.count;
}
