import { parseWorkflowFile } from "../definitions/parse-workflow-file.ts";
import type { Viewer } from "../domain/access.ts";
import type { WorkflowDefinition } from "../domain/definition.ts";
import { encodeId } from "../domain/ids.ts";
import { invalid, invalidValue, notFound } from "../domain/refusals.ts";
import type { Engine } from "../orchestration/transition.ts";
import { addAuditEntry } from "../persistence/audit-store.ts";
import type { Transaction } from "../persistence/database.ts";
import { projectArchivedAt } from "../persistence/project-store.ts";
import {
  addVersion,
  hashSource,
  latestVersion,
  lockWorkflow,
  openWorkflow,
  type VersionRow,
  type WorkflowRow,
} from "../persistence/workflow-store.ts";
import { authorize } from "./authorize.ts";
import { type CommandOptions, carryOutOnce, checkRevision } from "./command.ts";
import { refuseArchived } from "./refuse-archived.ts";

export interface DeployWorkflow {
  readonly projectId: string;
  /** The workflow file, YAML or JSON. */
  readonly source: string;
  /** The workflow that the file must be of; null = whichever has the file's name, made if there is none. */
  readonly workflowId: string | null;
}

export interface DeployedWorkflow {
  readonly workflowId: string;
  readonly versionId: string;
  readonly version: number;
  /** False when the newest version has this very source already. */
  readonly created: boolean;
}

/** Makes a new version of the workflow that the file names, or the workflow itself if there is none yet. */
export async function deployWorkflow(
  engine: Engine,
  viewer: Viewer,
  request: DeployWorkflow,
  options: CommandOptions,
): Promise<DeployedWorkflow> {
  const { projectId, source } = request;
  authorize(viewer, projectId, "deployWorkflow", "input.projectId");
  const { definition, graph, faults } = parseWorkflowFile(source);
  if (definition === null) throw invalid("input.source", faults);

  const command = { mutation: "deployWorkflow", projectId, options } as const;
  return await carryOutOnce<DeployedWorkflow>(engine, viewer, command, async (transaction) => {
    const { workflow, latest } = await findTarget(transaction, engine, request, definition);
    // What does not exist yet has the revision 0.
    checkRevision(options, latest === null ? 0 : workflow.revision, "input.expectedRevision");
    if (latest?.sourceHash.equals(hashSource(source))) {
      const { id: versionId, version } = latest;
      return { result: { workflowId: workflow.id, versionId, version, created: false } };
    }
    const { accountId: createdBy } = viewer;
    const { clock } = engine;
    const { id: versionId, version } = await addVersion(
      transaction,
      { workflow, definition, graph, source, createdBy },
      clock,
    );
    const target = encodeId("Workflow", workflow.id);
    const record = { projectId, actorId: createdBy, action: "deployWorkflow", target };
    await addAuditEntry(transaction, { ...record, details: { name: definition.name, version } }, clock);
    return { result: { workflowId: workflow.id, versionId, version, created: true } };
  });
}

/** The workflow to make a version of, locked. */
async function findTarget(
  transaction: Transaction,
  { clock }: Engine,
  { projectId, workflowId }: DeployWorkflow,
  definition: WorkflowDefinition,
): Promise<{ workflow: WorkflowRow; latest: VersionRow | null }> {
  const archivedAt = await projectArchivedAt(transaction, projectId);
  if (archivedAt === undefined) throw notFound("input.projectId");
  refuseArchived({ projectArchivedAt: archivedAt }, "input.projectId");
  const target =
    workflowId === null
      ? await openWorkflow(transaction, projectId, definition.name, clock)
      : await namedTarget(transaction, projectId, workflowId);
  const { workflow } = target;
  if (workflow.name !== definition.name) {
    const message = `the file is of the workflow "${definition.name}", not of "${workflow.name}"`;
    throw invalidValue("input.source", message);
  }
  const path = workflowId === null ? "input.source" : "input.workflowId";
  refuseArchived({ archivedAt: workflow.archivedAt, projectArchivedAt: archivedAt }, path);
  return target;
}

async function namedTarget(transaction: Transaction, projectId: string, workflowId: string) {
  const workflow = await lockWorkflow(transaction, workflowId);
  if (workflow?.projectId !== projectId) throw notFound("input.workflowId");
  return { workflow, latest: await latestVersion(transaction, workflowId) };
}
