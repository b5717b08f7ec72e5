import type { Viewer } from "../domain/access.ts";
import type { Engine } from "../orchestration/transition.ts";
import { renameWorkflow as store } from "../persistence/workflow-store.ts";
import { changeWorkflow } from "./change-workflow.ts";
import { TextFaults } from "./check-texts.ts";
import type { CommandOptions } from "./command.ts";
import { refuseTaken } from "./refuse-taken.ts";

/**
 * Gives a workflow another name. A file that is deployed later finds its workflow by the name in the file, so
 * the file has to be renamed as well. Runs keep the name that they were made under.
 */
export async function renameWorkflow(
  engine: Engine,
  viewer: Viewer,
  { workflowId, name }: { readonly workflowId: string; readonly name: string },
  options: CommandOptions,
): Promise<void> {
  const command = { mutation: "renameWorkflow", workflowId, options } as const;
  await refuseTaken("input.name", "another workflow of the project has this name", async () => {
    await changeWorkflow(engine, viewer, command, async (transaction, workflow) => {
      new TextFaults().workflowName("input.name", name).throwIfAny();
      if (workflow.name === name) return null;
      await store(transaction, workflowId, name, engine.clock.now());
      return { before: workflow.name, name };
    });
  });
}
