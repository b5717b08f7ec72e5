import type { Viewer } from "../domain/access.ts";
import type { CancelMode } from "../domain/run-state.ts";
import type { WorkflowRunStatus } from "../domain/statuses.ts";
import type { Engine } from "../orchestration/transition.ts";
import { checkReason, commandRun, type RunRequest, refuseRunObstacle } from "./command-run.ts";

export interface CancelWorkflowRun extends RunRequest {
  readonly mode: CancelMode;
  readonly reason: string | null;
}

const PATH = "input.workflowRunId";

export interface Cancellation {
  /** CANCELED, or CANCELING. */
  readonly status: WorkflowRunStatus;
  /** False when it was asked for before, and not less hard. */
  readonly changed: boolean;
}

/**
 * Asks for the end of a run. Steps that nobody executes end at once; the others when their processes are
 * confirmed dead. Asking again changes nothing, except that FORCE overrides GRACEFUL.
 */
export async function cancelWorkflowRun(
  engine: Engine,
  viewer: Viewer,
  request: CancelWorkflowRun,
): Promise<Cancellation> {
  const { mode, reason } = request;
  checkReason(reason);
  return await commandRun(engine, viewer, request, {
    mutation: "cancelWorkflowRun",
    path: PATH,
    details: { mode, reason },
    decideOn: (run) => {
      refuseRunObstacle("cancelWorkflowRun", run, PATH);
      return [{ kind: "CANCEL_RUN", mode, message: reason, actorId: viewer.accountId }];
    },
    answer: ({ head, applied }) => ({ status: head.status, changed: applied.includes(true) }),
  });
}
