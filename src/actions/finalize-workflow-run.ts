import type { Viewer } from "../domain/access.ts";
import { isTerminal } from "../domain/statuses.ts";
import type { Engine } from "../orchestration/transition.ts";
import { commandRun, type RunRequest, refuseRunObstacle } from "./command-run.ts";

export interface FinalizeWorkflowRun extends RunRequest {
  /** Ends the run first, if it has not ended; it is sealed as soon as it has. */
  readonly force: boolean;
}

const PATH = "input.workflowRunId";

/** Seals a run: it is never reopened and takes no more logs. Sealing it again changes nothing. */
export async function finalizeWorkflowRun(
  engine: Engine,
  viewer: Viewer,
  request: FinalizeWorkflowRun,
): Promise<void> {
  const { accountId: actorId } = viewer;
  await commandRun(engine, viewer, request, {
    mutation: "finalizeWorkflowRun",
    path: PATH,
    details: { force: request.force },
    decideOn: (run) => {
      if (isTerminal(run.state.status)) return [{ kind: "FINALIZE_RUN" }];
      if (!request.force) refuseRunObstacle("finalizeWorkflowRun", run, PATH);
      const message = "finalized before it had ended";
      return [{ kind: "FINALIZE_RUN" }, { kind: "CANCEL_RUN", mode: "GRACEFUL", message, actorId }];
    },
    answer: () => null,
  });
}
