import type { Viewer } from "../domain/access.ts";
import type { Engine } from "../orchestration/transition.ts";
import { setWorkflowArchived } from "../persistence/workflow-store.ts";
import { changeWorkflow } from "./change-workflow.ts";
import type { CommandOptions } from "./command.ts";

/** The workflow makes no more runs; those that it has run on. Asking again changes nothing. */
export async function archiveWorkflow(
  engine: Engine,
  viewer: Viewer,
  workflowId: string,
  options: CommandOptions,
): Promise<void> {
  const command = { mutation: "archiveWorkflow", workflowId, options } as const;
  await changeWorkflow(engine, viewer, command, async (transaction, { archivedAt, name }) => {
    if (archivedAt !== null) return null;
    const now = engine.clock.now();
    await setWorkflowArchived(transaction, workflowId, now, now);
    return { name };
  });
}

export async function unarchiveWorkflow(
  engine: Engine,
  viewer: Viewer,
  workflowId: string,
  options: CommandOptions,
): Promise<void> {
  const command = { mutation: "unarchiveWorkflow", workflowId, options } as const;
  await changeWorkflow(engine, viewer, command, async (transaction, { archivedAt, name }) => {
    if (archivedAt === null) return null;
    await setWorkflowArchived(transaction, workflowId, null, engine.clock.now());
    return { name };
  });
}
