import type { Viewer } from "../domain/access.ts";
import type { RunCommand } from "../domain/commands.ts";
import { isTerminal } from "../domain/statuses.ts";
import type { Engine } from "../orchestration/transition.ts";
import { hideRun, markDeleted } from "../persistence/deletion-store.ts";
import { commandRun, type RunRequest, refuseRunObstacle } from "./command-run.ts";

export interface DeleteWorkflowRun extends RunRequest {
  /** Ends the run first, if it has not ended. */
  readonly force: boolean;
}

const PATH = "input.workflowRunId";

/**
 * Removes a run with all that belongs to it. It is hidden at once; its rows go when nothing of it runs any more.
 * What is left is a mark, for lists and streams that knew the run.
 */
export async function deleteWorkflowRun(
  engine: Engine,
  viewer: Viewer,
  request: DeleteWorkflowRun,
): Promise<void> {
  const { accountId: actorId } = viewer;
  await commandRun(engine, viewer, request, {
    mutation: "deleteWorkflowRun",
    path: PATH,
    details: { force: request.force },
    decideOn: (run) => {
      const open = !isTerminal(run.state.status);
      if (open && !request.force) refuseRunObstacle("deleteWorkflowRun", run, PATH);
      const message = "deleted before it had ended";
      const cancel: RunCommand = { kind: "CANCEL_RUN", mode: "FORCE", message, actorId };
      return [...(open ? [cancel] : []), { kind: "DELETE_RUN", actorId }];
    },
    answer: () => null,
    // Not before: a decision that a claim came into is taken anew, and then it must still find the run.
    afterwards: async (transaction) => {
      await hideRun(transaction, request.runId, engine.clock.now());
      await markDeleted(transaction, request.runId, actorId, engine.clock.now());
    },
  });
}
