import type { Viewer } from "../domain/access.ts";
import type { PauseMode } from "../domain/run-state.ts";
import type { Engine } from "../orchestration/transition.ts";
import { checkReason, commandRun, type RunRequest, refuseRunObstacle } from "./command-run.ts";

export interface PauseWorkflowRun extends RunRequest {
  readonly mode: PauseMode;
  readonly reason: string | null;
}

const PATH = "input.workflowRunId";

/**
 * Holds a run: nothing of it is claimed any more. Its running steps finish, or are stopped and queued again, which
 * costs them no try. Approvals and completions are accepted meanwhile, and its timeout goes on.
 */
export async function pauseWorkflowRun(
  engine: Engine,
  viewer: Viewer,
  request: PauseWorkflowRun,
): Promise<void> {
  const { mode, reason } = request;
  checkReason(reason);
  await commandRun(engine, viewer, request, {
    mutation: "pauseWorkflowRun",
    path: PATH,
    details: { mode, reason },
    decideOn: (run) => {
      refuseRunObstacle("pauseWorkflowRun", run, PATH);
      return [{ kind: "PAUSE_RUN", mode, message: reason, actorId: viewer.accountId }];
    },
    answer: () => null,
  });
}

/** Lets a paused run go on. */
export async function resumeWorkflowRun(engine: Engine, viewer: Viewer, request: RunRequest): Promise<void> {
  await commandRun(engine, viewer, request, {
    mutation: "resumeWorkflowRun",
    path: PATH,
    details: {},
    decideOn: (run) => {
      refuseRunObstacle("resumeWorkflowRun", run, PATH);
      return [{ kind: "RESUME_RUN", actorId: viewer.accountId }];
    },
    answer: () => null,
  });
}
