import type { RuncastClient } from "../../src/client/runcast-client.ts";

const DEPLOY = `mutation ($input: DeployWorkflowInput!) { deployWorkflow(input: $input) {
  workflow { id } userErrors { message ... on ValidationFailed { faults { message path line column } } } } }`;
const TRIGGER = `mutation ($input: TriggerWorkflowRunInput!) { triggerWorkflowRun(input: $input) {
  workflowRun { id number status stepRuns(first: 1000) { nodes { id stepRef } } }
  userErrors { message ... on ValidationFailed { faults { message path } } } } }`;

export interface TriggeredRun {
  readonly id: string;
  readonly number: number;
  readonly status: string;
  /** Ids of its steps by their refs. */
  readonly steps: Readonly<Record<string, string>>;
}

/** Deploys a workflow file that must be faultless. @returns the workflow's id */
export async function deploy(client: RuncastClient, source: string, projectId = "default"): Promise<string> {
  const { deployWorkflow } = (await client.request(DEPLOY, { input: { projectId, source } })) as {
    deployWorkflow: { workflow: { id: string } | null; userErrors: unknown[] };
  };
  if (deployWorkflow.workflow === null) throw new Error(JSON.stringify(deployWorkflow.userErrors));
  return deployWorkflow.workflow.id;
}

/** Triggers a run that must be accepted. */
export async function trigger(
  client: RuncastClient,
  workflowId: string,
  input: Readonly<Record<string, unknown>> = {},
): Promise<TriggeredRun> {
  const { triggerWorkflowRun } = (await client.request(TRIGGER, { input: { workflowId, ...input } })) as {
    triggerWorkflowRun: { workflowRun: TriggerAnswer | null; userErrors: unknown[] };
  };
  const { workflowRun, userErrors } = triggerWorkflowRun;
  if (workflowRun === null) throw new Error(JSON.stringify(userErrors));
  const { stepRuns, ...run } = workflowRun;
  return { ...run, steps: Object.fromEntries(stepRuns.nodes.map(({ stepRef, id }) => [stepRef, id])) };
}

interface TriggerAnswer extends Omit<TriggeredRun, "steps"> {
  readonly stepRuns: { readonly nodes: readonly { readonly id: string; readonly stepRef: string }[] };
}
