import type { Viewer } from "../domain/access.ts";
import { encodeId } from "../domain/ids.ts";
import { invalid, notFound, RefusedError } from "../domain/refusals.ts";
import type { CancelMode, RunState } from "../domain/run-state.ts";
import { isTerminal, WORKFLOW_RUN_STATUSES } from "../domain/statuses.ts";
import { announce, type Engine, transition } from "../orchestration/transition.ts";
import { addAuditEntry } from "../persistence/audit-store.ts";
import { runProject } from "../persistence/queries/runs.ts";
import { authorize } from "./authorize.ts";

export interface CancelWorkflowRun {
  readonly runId: string;
  readonly mode: CancelMode;
  readonly reason: string | null;
}

export const MAX_REASON_LENGTH = 500;

/**
 * Asks for the end of a run. Steps that nobody executes end at once; the others when their processes are
 * confirmed dead. Asking again changes nothing, except that FORCE overrides GRACEFUL.
 */
export async function cancelWorkflowRun(
  engine: Engine,
  viewer: Viewer,
  request: CancelWorkflowRun,
): Promise<void> {
  const { runId, mode, reason } = request;
  const projectId = await runProject(engine.database, runId);
  if (projectId === null) throw notFound("input.workflowRunId");
  authorize(viewer, projectId, "cancelWorkflowRun", "input.workflowRunId");
  if (reason !== null && (reason.length > MAX_REASON_LENGTH || reason.includes("\0"))) {
    const message = `at most ${MAX_REASON_LENGTH} characters and no NUL`;
    throw invalid("input.reason", [{ path: "input.reason", message, line: null, column: null }]);
  }

  const applied = await engine.database.transaction(async (transaction) => {
    const { deltas, applied } = await transition(
      transaction,
      engine,
      [runId],
      ({ state }) => {
        refuseEnded(state);
        return [{ kind: "CANCEL_RUN", mode, message: reason, actorId: viewer.accountId }];
      },
      { revised: true },
    );
    const delta = deltas.get(runId);
    if (delta === undefined) throw notFound("input.workflowRunId");
    if (delta.applied.includes(true)) {
      const record = { projectId, actorId: viewer.accountId, action: "cancelWorkflowRun" };
      const target = encodeId("WorkflowRun", runId);
      await addAuditEntry(transaction, { ...record, target, details: { mode, reason } }, engine.clock);
    }
    return applied;
  });
  announce(engine.bus, applied);
}

/** A run that was canceled already is no refusal: the caller has what they asked for. */
function refuseEnded({ status }: RunState): void {
  if (!isTerminal(status) || status === "CANCELED") return;
  throw new RefusedError({
    kind: "InvalidState",
    message: `the run has ended: it is ${status}`,
    path: "input.workflowRunId",
    current: status,
    allowed: WORKFLOW_RUN_STATUSES.filter((other) => !isTerminal(other)),
  });
}
