import type { RuncastClient } from "../../src/client/runcast-client.ts";

/** What a load asks of the API besides what it measures. */

interface Deployed {
  readonly deployWorkflow: { workflow: { id: string } | null; userErrors: { message: string }[] };
}
const DEPLOY = `mutation ($source: String!) {
  deployWorkflow(input: { projectId: "default", source: $source }) { workflow { id } userErrors { message } }
}`;

/** @returns the workflow's id */
export async function deployWorkflow(client: RuncastClient, source: string): Promise<string> {
  const { deployWorkflow } = await client.request<Deployed>(DEPLOY, { source });
  if (deployWorkflow.workflow === null) throw new Error(deployWorkflow.userErrors[0]?.message);
  return deployWorkflow.workflow.id;
}

interface Triggered {
  readonly triggerWorkflowRun: { workflowRun: { id: string } | null; userErrors: { message: string }[] };
}
const TRIGGER = `mutation ($workflowId: ID!) {
  triggerWorkflowRun(input: { workflowId: $workflowId }) { workflowRun { id } userErrors { message } }
}`;

/** @returns the run's id */
export async function triggerRun(client: RuncastClient, workflowId: string): Promise<string> {
  const { triggerWorkflowRun } = await client.request<Triggered>(TRIGGER, { workflowId });
  if (triggerWorkflowRun.workflowRun === null) throw new Error(triggerWorkflowRun.userErrors[0]?.message);
  return triggerWorkflowRun.workflowRun.id;
}

const STATUS = "query ($id: ID!) { workflowRun(id: $id) { status } }";

/** A benchmark of something that does not work would mean nothing. */
export async function checkSucceeded(client: RuncastClient, id: string): Promise<void> {
  const { workflowRun } = await client.request<{ workflowRun: { status: string } }>(STATUS, { id });
  if (workflowRun.status !== "SUCCEEDED") throw new Error(`the run ended as ${workflowRun.status}`);
}
