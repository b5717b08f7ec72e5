import { validateInputs } from "../definitions/inputs.ts";
import type { ReusedStep, RunCommand } from "../domain/commands.ts";
import { decide } from "../domain/decide.ts";
import { encodeId } from "../domain/ids.ts";
import { invalid, notFound } from "../domain/refusals.ts";
import { newRunState } from "../domain/run-state.ts";
import type { RunTriggerType } from "../domain/triggers.ts";
import type { Engine } from "../orchestration/transition.ts";
import { addAuditEntry } from "../persistence/audit-store.ts";
import type { Transaction } from "../persistence/database.ts";
import { newKey } from "../persistence/keys.ts";
import { findWorkflow } from "../persistence/queries/workflows.ts";
import { insertRun, nextRunNumber, type RunParent } from "../persistence/run-insert.ts";
import type { AppliedDeltas } from "../persistence/run-store.ts";
import { latestVersion } from "../persistence/workflow-store.ts";
import type { WorkflowVersion } from "../persistence/workflow-versions.ts";
import { refuseArchived } from "./refuse-archived.ts";
import { checkRunOptions, type RunOptions } from "./run-options.ts";

export interface RunCreation {
  readonly workflowId: string;
  /** Who is said to have made it. */
  readonly actorId: string;
  readonly trigger: { readonly type: RunTriggerType; readonly ref: string | null };
  readonly options: RunOptions;
  /** What the audit says was done. */
  readonly action?: string;
  /** Null = the workflow's newest. */
  readonly versionId?: string | null;
  readonly sourceRunId?: string | null;
  readonly parent?: RunParent | null;
  /** The run that it does again, and what it takes over from it. */
  readonly retryOf?: {
    readonly runId: string;
    readonly rootRunId: string;
    readonly reused: readonly ReusedStep[];
  } | null;
}

export interface CreatedRun {
  readonly runId: string;
  readonly applied: AppliedDeltas;
}

/** Makes and queues a run inside the caller's transaction; `announce` what was applied after the commit. */
export async function createRun(
  transaction: Transaction,
  engine: Engine,
  creation: RunCreation,
): Promise<CreatedRun> {
  const { clock } = engine;
  const { options, actorId, retryOf = null } = creation;
  // Locks the workflow: nobody archives it between the look at it and the new run.
  const number = await nextRunNumber(transaction, creation.workflowId);
  const workflow = await findWorkflow(transaction, creation.workflowId);
  if (number === null || workflow === null) throw notFound("input.workflowId");
  refuseArchived(workflow, "input.workflowId");
  checkRunOptions(options);
  const version = await versionOf(transaction, engine, creation);
  const inputs = checkInputs(version, options.inputs);

  const now = clock.now();
  const runId = newKey(clock);
  const { definition, graph } = version;
  const settings = {
    timeoutMs: options.timeoutMs ?? definition.timeoutMs,
    maxParallelSteps: options.maxParallelSteps ?? definition.maxParallelSteps,
    stepRetries: options.stepRetries,
  };
  const state = newRunState(runId, graph, settings, now);
  const delta = decide(state, firstCommands(creation), now);
  const run = {
    ...options,
    inputs,
    projectId: workflow.projectId,
    workflowId: workflow.id,
    workflowName: workflow.name,
    versionId: version.id,
    number,
    triggerType: creation.trigger.type,
    triggerRef: creation.trigger.ref,
    createdBy: actorId,
    retryOfId: retryOf?.runId ?? null,
    rootRunId: retryOf?.rootRunId ?? null,
    sourceRunId: creation.sourceRunId ?? null,
    parent: creation.parent ?? null,
  };
  const applied = await insertRun(transaction, run, state, delta, now);
  const record = { projectId: workflow.projectId, actorId, target: encodeId("WorkflowRun", runId) };
  const action = creation.action ?? "triggerWorkflowRun";
  const details = { workflow: workflow.name, number, trigger: creation.trigger.type };
  await addAuditEntry(transaction, { ...record, action, details }, clock);
  return { runId, applied };
}

function firstCommands({ actorId, options, retryOf }: RunCreation): RunCommand[] {
  const reuse = { kind: "REUSE_STEPS", steps: retryOf?.reused ?? [], actorId } as const;
  return [
    ...(reuse.steps.length > 0 ? [reuse] : []),
    ...(options.start === "IMMEDIATE" ? [{ kind: "START_RUN", actorId } as const] : []),
  ];
}

async function versionOf(
  transaction: Transaction,
  { versions }: Engine,
  { workflowId, versionId }: RunCreation,
): Promise<WorkflowVersion> {
  const id = versionId ?? (await latestVersion(transaction, workflowId))?.id;
  if (id === undefined) throw notFound("input.workflowId");
  return await versions.get(transaction, id);
}

export function checkInputs(
  { definition }: WorkflowVersion,
  given: RunOptions["inputs"],
): Record<string, unknown> {
  const { values, faults } = validateInputs(definition, given);
  if (faults.length === 0) return values;
  throw invalid(
    "input.inputs",
    faults.map((fault) => ({ ...fault, line: null, column: null })),
  );
}
