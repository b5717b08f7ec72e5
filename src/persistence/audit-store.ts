import type { Clock } from "../domain/clock.ts";
import type { Transaction } from "./database.ts";
import { newKey } from "./keys.ts";
import type { Statement } from "./queries/queryable.ts";

export interface AuditRecord {
  /** Null = it concerns the whole installation. */
  readonly projectId: string | null;
  readonly actorId: string;
  /** Name of the mutation. */
  readonly action: string;
  /** Client id of the object. */
  readonly target: string;
  readonly details: Readonly<Record<string, unknown>>;
}

const ADD: Statement = {
  name: "add-audit-entry",
  text: `insert into audit_entry (id, project_id, actor_id, action, target, details, at)
    values ($1, $2, $3, $4, $5, $6, $7)`,
};

/** Written in the transaction of the command itself: what is not audited did not happen. */
export async function addAuditEntry(
  transaction: Transaction,
  { projectId, actorId, action, target, details }: AuditRecord,
  clock: Clock,
): Promise<void> {
  const values = [newKey(clock), projectId, actorId, action, target, JSON.stringify(details), clock.now()];
  await transaction.query(ADD, values);
}
