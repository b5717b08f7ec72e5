import type { MutationName, Viewer } from "../domain/access.ts";
import { notFound } from "../domain/refusals.ts";
import { announce, type Engine } from "../orchestration/transition.ts";
import type { Transaction } from "../persistence/database.ts";
import { runProject } from "../persistence/queries/runs.ts";
import { findStepPlace } from "../persistence/queries/step-places.ts";
import { findWorkflow } from "../persistence/queries/workflows.ts";
import { authorize } from "./authorize.ts";
import { type CommandOptions, carryOutOnce } from "./command.ts";
import { createRun } from "./create-run.ts";
import type { RunOptions } from "./run-options.ts";

export interface TriggerWorkflowRun {
  readonly workflowId: string;
  readonly options: RunOptions;
  /** The run whose artifacts the new one starts with. */
  readonly sourceRunId: string | null;
  /** The run, and a step of it, that this one is a part of. */
  readonly parent: { readonly runId: string; readonly stepRef: string | null } | null;
  readonly command: CommandOptions;
}

/**
 * Makes a run of the workflow's latest version and queues it.
 * @returns the run's key; of a dry run the key that it would have had
 */
export async function triggerWorkflowRun(
  engine: Engine,
  viewer: Viewer,
  request: TriggerWorkflowRun,
  mutation: MutationName = "triggerWorkflowRun",
): Promise<string> {
  const { database } = engine;
  const workflow = await findWorkflow(database, request.workflowId);
  if (workflow === null) throw notFound("input.workflowId");
  authorize(viewer, workflow.projectId, mutation, "input.workflowId");
  const { sourceRunId, parent } = request;
  if (sourceRunId !== null) await sameProject(engine, sourceRunId, workflow.projectId, "input.sourceRunId");
  if (parent !== null) await sameProject(engine, parent.runId, workflow.projectId, "input.parentRunId");

  const command = { mutation, projectId: workflow.projectId, options: request.command };
  return await carryOutOnce(engine, viewer, command, async (transaction) => {
    const { runId, applied } = await createRun(transaction, engine, {
      workflowId: workflow.id,
      actorId: viewer.accountId,
      trigger: triggerOf(viewer, request),
      options: request.options,
      sourceRunId,
      parent: parent === null ? null : await parentStep(transaction, parent),
      action: mutation,
    });
    return { result: runId, after: () => announce(engine.bus, applied) };
  });
}

function triggerOf(viewer: Viewer, { sourceRunId, parent }: TriggerWorkflowRun) {
  if (parent !== null) return { type: "PARENT", ref: null } as const;
  if (sourceRunId !== null) return { type: "CHAIN", ref: null } as const;
  return { type: viewer.type === "USER" ? "MANUAL" : "API", ref: null } as const;
}

/** Runs of other projects do not exist here, whatever else the viewer may see. */
async function sameProject(engine: Engine, runId: string, projectId: string, path: string): Promise<void> {
  if ((await runProject(engine.database, runId)) !== projectId) throw notFound(path);
}

/**
 * A run that is linked by hand waits for nobody and nobody for it: it names its parent's step, if any, under an
 * attempt that no step ever has.
 */
async function parentStep(
  transaction: Transaction,
  { runId, stepRef }: { runId: string; stepRef: string | null },
) {
  const step = stepRef === null ? null : await findStepPlace(transaction, runId, stepRef);
  if (stepRef !== null && step === null) throw notFound("input.parentStepRef");
  return { runId, step, attempt: null };
}
