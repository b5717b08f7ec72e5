import type { Viewer } from "../domain/access.ts";
import { type BulkAction, type BulkOutcome, isBulkSuccess } from "../domain/bulk.ts";
import { DatabaseAwayError, ForbiddenError, RefusedError } from "../domain/refusals.ts";
import type { RetryMode } from "../domain/retry-plan.ts";
import type { CancelMode } from "../domain/run-state.ts";
import type { Engine } from "../orchestration/transition.ts";
import { cancelWorkflowRun } from "./cancel-workflow-run.ts";
import type { CommandOptions } from "./command.ts";
import type { RunRequest } from "./command-run.ts";
import { deleteWorkflowRun } from "./delete-workflow-run.ts";
import { setWorkflowRunLabels, type TextChanges } from "./label-workflow-run.ts";
import { type RetryVersion, retryWorkflowRun } from "./retry-workflow-run.ts";

/** What is done to every run of a bulk operation. Stored with it, so it is JSON. */
export type BulkTask =
  | { readonly action: "CANCEL"; readonly mode: CancelMode; readonly reason: string | null }
  | { readonly action: "RETRY" | "REPLAY"; readonly mode: RetryMode; readonly version: RetryVersion }
  | { readonly action: "DELETE"; readonly force: boolean }
  | { readonly action: "LABEL"; readonly labels: TextChanges; readonly replace: boolean };

export interface BulkItemResult {
  readonly outcome: BulkOutcome;
  readonly success: boolean;
  readonly message: string | null;
  /** The run that a retry made. */
  readonly newRunId: string | null;
}

/** Does it to one run. What goes wrong there is that run's outcome, and no other's; an outage is nobody's. */
export async function doBulkItem(
  engine: Engine,
  viewer: Viewer,
  task: BulkTask,
  runId: string,
  command: CommandOptions,
): Promise<BulkItemResult> {
  try {
    const { outcome, newRunId = null } = await carryOut(engine, viewer, task, { runId, command });
    return { outcome, success: isBulkSuccess(outcome), message: null, newRunId };
  } catch (error) {
    if (error instanceof DatabaseAwayError) throw error;
    const outcome = outcomeOf(error, task.action);
    if (outcome === null) throw error;
    return { outcome, success: false, message: (error as Error).message, newRunId: null };
  }
}

async function carryOut(
  engine: Engine,
  viewer: Viewer,
  task: BulkTask,
  request: RunRequest,
): Promise<{ outcome: BulkOutcome; newRunId?: string }> {
  switch (task.action) {
    case "CANCEL": {
      const { status, changed } = await cancelWorkflowRun(engine, viewer, { ...request, ...task });
      if (status !== "CANCELED") return { outcome: "CANCELING" };
      return { outcome: changed ? "CANCELED" : "ALREADY_CANCELED" };
    }
    case "RETRY":
    case "REPLAY": {
      const again = { ...request, ...task, stepRefs: [], includeDownstream: true, overrides: NO_OVERRIDES };
      const { runId } = await retryWorkflowRun(engine, viewer, again);
      return { outcome: "REPLAYED", newRunId: runId };
    }
    case "DELETE":
      await deleteWorkflowRun(engine, viewer, { ...request, force: task.force });
      return { outcome: "DELETED" };
    case "LABEL": {
      const { labels: changes, replace } = task;
      await setWorkflowRunLabels(engine, viewer, { ...request, changes, replace });
      return { outcome: "LABELED" };
    }
  }
}

const NO_OVERRIDES = {
  inputs: null,
  envVars: null,
  labels: null,
  annotations: null,
  message: null,
  timeoutMs: null,
  stepRetries: null,
  debug: null,
};

/** Null for what is no outcome of the run: a fault of ours, or a lock that somebody held for too long. */
function outcomeOf(error: unknown, action: BulkAction): BulkOutcome | null {
  if (error instanceof ForbiddenError) return "FORBIDDEN";
  if (!(error instanceof RefusedError)) return null;
  const kinds = error.refusals.map(({ kind }) => kind);
  if (kinds.includes("NotFound")) return "NOT_FOUND";
  if (kinds.includes("InvalidState")) return action === "CANCEL" ? "ALREADY_COMPLETED" : "NOT_ELIGIBLE";
  return kinds.includes("ValidationFailed") ? "NOT_ELIGIBLE" : "ERROR";
}
