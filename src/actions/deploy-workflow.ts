import { parseWorkflowFile } from "../definitions/parse-workflow-file.ts";
import type { Viewer } from "../domain/access.ts";
import { encodeId } from "../domain/ids.ts";
import { invalid } from "../domain/refusals.ts";
import type { Engine } from "../orchestration/transition.ts";
import { addAuditEntry } from "../persistence/audit-store.ts";
import { addVersion, hashSource, openWorkflow } from "../persistence/workflow-store.ts";
import { authorize } from "./authorize.ts";

export interface DeployWorkflow {
  readonly projectId: string;
  /** The workflow file, YAML or JSON. */
  readonly source: string;
}

export interface DeployedWorkflow {
  readonly workflowId: string;
  readonly versionId: string;
  /** False when the newest version has this very source already. */
  readonly created: boolean;
}

/** Makes a new version of the workflow that the file names, or the workflow itself if there is none yet. */
export async function deployWorkflow(
  engine: Engine,
  viewer: Viewer,
  { projectId, source }: DeployWorkflow,
): Promise<DeployedWorkflow> {
  authorize(viewer, projectId, "deployWorkflow", "input.projectId");
  const { definition, graph, faults } = parseWorkflowFile(source);
  if (definition === null) throw invalid("input.source", faults);

  return await engine.database.transaction(async (transaction) => {
    const { clock } = engine;
    const { workflow, latest } = await openWorkflow(transaction, projectId, definition.name, clock);
    if (latest?.sourceHash.equals(hashSource(source))) {
      return { workflowId: workflow.id, versionId: latest.id, created: false };
    }
    const createdBy = viewer.accountId;
    const { id, version } = await addVersion(
      transaction,
      { workflow, definition, graph, source, createdBy },
      clock,
    );
    const target = encodeId("Workflow", workflow.id);
    const details = { name: definition.name, version };
    await addAuditEntry(
      transaction,
      { projectId, actorId: viewer.accountId, action: "deployWorkflow", target, details },
      clock,
    );
    return { workflowId: workflow.id, versionId: id, created: true };
  });
}
