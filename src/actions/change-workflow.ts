import type { Viewer } from "../domain/access.ts";
import { encodeId } from "../domain/ids.ts";
import { notFound } from "../domain/refusals.ts";
import type { Engine } from "../orchestration/transition.ts";
import { addAuditEntry } from "../persistence/audit-store.ts";
import type { Transaction } from "../persistence/database.ts";
import { findWorkflow } from "../persistence/queries/workflows.ts";
import { lockWorkflow, type WorkflowRow } from "../persistence/workflow-store.ts";
import { authorize } from "./authorize.ts";
import type { AuditDetails } from "./change-project.ts";
import { type Command, carryOutOnce, checkRevision } from "./command.ts";

export interface WorkflowCommand extends Omit<Command, "projectId"> {
  readonly workflowId: string;
}

/** A command to a workflow that exists: allowed, asked for once, audited, under the workflow's lock. */
export async function changeWorkflow(
  engine: Engine,
  viewer: Viewer,
  { workflowId, mutation, options }: WorkflowCommand,
  change: (transaction: Transaction, workflow: WorkflowRow) => Promise<AuditDetails>,
): Promise<void> {
  const found = await findWorkflow(engine.database, workflowId);
  if (found === null) throw notFound("input.workflowId");
  const { projectId } = found;
  authorize(viewer, projectId, mutation, "input.workflowId");
  await carryOutOnce(engine, viewer, { mutation, projectId, options }, async (transaction) => {
    const workflow = await lockWorkflow(transaction, workflowId);
    if (workflow === null) throw notFound("input.workflowId");
    checkRevision(options, workflow.revision, "input.expectedRevision");
    const details = await change(transaction, workflow);
    if (details !== null) {
      const target = encodeId("Workflow", workflowId);
      const record = { projectId, actorId: viewer.accountId, action: mutation, target, details };
      await addAuditEntry(transaction, record, engine.clock);
    }
    return { result: null };
  });
}
