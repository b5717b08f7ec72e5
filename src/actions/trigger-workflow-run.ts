import { validateInputs } from "../definitions/inputs.ts";
import type { Viewer } from "../domain/access.ts";
import { decide } from "../domain/decide.ts";
import { encodeId } from "../domain/ids.ts";
import { invalid, notFound } from "../domain/refusals.ts";
import { newRunState } from "../domain/run-state.ts";
import type { RunTriggerType } from "../domain/triggers.ts";
import { announce, type Engine } from "../orchestration/transition.ts";
import { addAuditEntry } from "../persistence/audit-store.ts";
import type { Transaction } from "../persistence/database.ts";
import { newKey } from "../persistence/keys.ts";
import { findWorkflow } from "../persistence/queries/workflows.ts";
import { insertRun, nextRunNumber } from "../persistence/run-insert.ts";
import { latestVersion } from "../persistence/workflow-store.ts";
import type { WorkflowVersion } from "../persistence/workflow-versions.ts";
import { authorize } from "./authorize.ts";
import { checkRunOptions, type RunOptions } from "./run-options.ts";

export interface TriggerWorkflowRun extends RunOptions {
  readonly workflowId: string;
  readonly inputs: Readonly<Record<string, unknown>>;
  /** Free JSON for the run's own use. */
  readonly payload: unknown;
  readonly trigger: RunTriggerType;
}

/** Makes a run of the workflow's latest version and queues it. @returns the run's key */
export async function triggerWorkflowRun(
  engine: Engine,
  viewer: Viewer,
  request: TriggerWorkflowRun,
): Promise<string> {
  const workflow = await findWorkflow(engine.database, request.workflowId);
  if (workflow === null) throw notFound("input.workflowId");
  authorize(viewer, workflow.projectId, "triggerWorkflowRun", "input.workflowId");
  checkRunOptions(request);

  const { runId, applied } = await engine.database.transaction(async (transaction) => {
    const latest = await latestVersion(transaction, workflow.id);
    if (latest === null) throw notFound("input.workflowId");
    const version = await engine.versions.get(transaction, latest.id);
    return await createRun(transaction, engine, viewer, { request, workflow, version });
  });
  announce(engine.bus, applied);
  return runId;
}

interface Creation {
  readonly request: TriggerWorkflowRun;
  readonly workflow: { readonly id: string; readonly projectId: string; readonly name: string };
  readonly version: WorkflowVersion;
}

async function createRun(
  transaction: Transaction,
  { clock }: Engine,
  viewer: Viewer,
  { request, workflow, version }: Creation,
) {
  const { values, faults } = validateInputs(version.definition, request.inputs);
  if (faults.length > 0)
    throw invalid(
      "input.inputs",
      faults.map((fault) => ({ ...fault, line: null, column: null })),
    );
  const number = await nextRunNumber(transaction, workflow.id);
  const now = clock.now();
  const runId = newKey(clock);
  const state = newRunState(runId, version.graph);
  const delta = decide(state, [{ kind: "START_RUN", actorId: viewer.accountId }], now);
  const run = {
    ...request,
    projectId: workflow.projectId,
    workflowName: workflow.name,
    versionId: version.id,
    number,
    triggerType: request.trigger,
    triggerRef: null,
    createdBy: viewer.accountId,
    expiresAt: new Date(now.getTime() + (request.timeoutMs ?? version.definition.timeoutMs)),
    inputs: values,
  };
  const applied = await insertRun(transaction, run, state, delta, now);
  const target = encodeId("WorkflowRun", runId);
  const { projectId, name } = workflow;
  const record = { projectId, actorId: viewer.accountId, action: "triggerWorkflowRun", target };
  await addAuditEntry(transaction, { ...record, details: { workflow: name, number } }, clock);
  return { runId, applied };
}
