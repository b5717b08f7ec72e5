import type { ApprovalVerdict } from "../domain/approvals.ts";
import type { Transaction } from "./database.ts";
import type { Statement } from "./queries/queryable.ts";

/** A request for approval: a step asks anew in every attempt. */
export interface ApprovalPlace {
  readonly runId: string;
  readonly step: number;
  readonly attempt: number;
}

export interface Decision {
  readonly actorId: string;
  readonly verdict: ApprovalVerdict;
  readonly comment: string | null;
  readonly fields: Readonly<Record<string, unknown>>;
}

const DECISIONS: Statement = {
  name: "decisions-on-approval",
  text: `select actor_id as "actorId", verdict, comment, fields from approval_decision
    where run_id = $1 and step_idx = $2 and attempt = $3 order by at, actor_id`,
};
const ADD: Statement = {
  name: "add-approval-decision",
  text: `insert into approval_decision (run_id, step_idx, attempt, actor_id, verdict, comment, fields, at)
    values ($1, $2, $3, $4, $5, $6, $7, $8)`,
};

/** Oldest first. */
export async function decisionsOn(
  transaction: Transaction,
  { runId, step, attempt }: ApprovalPlace,
): Promise<Decision[]> {
  return await transaction.query<Decision>(DECISIONS, [runId, step, attempt]);
}

export async function addDecision(
  transaction: Transaction,
  { runId, step, attempt }: ApprovalPlace,
  { actorId, verdict, comment, fields }: Decision,
  now: Date,
): Promise<void> {
  await transaction.query(ADD, [
    runId,
    step,
    attempt,
    actorId,
    verdict,
    comment,
    JSON.stringify(fields),
    now,
  ]);
}
