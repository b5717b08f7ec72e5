import type { RuncastClient } from "../../src/client/runcast-client.ts";

/** Deploys a workflow to the default project and triggers it. @returns the run's id */
export async function startRun(client: RuncastClient, source: string): Promise<string> {
  const deployed = await client.request<{
    deployWorkflow: { workflow: { id: string } | null; userErrors: unknown[] };
  }>(
    'mutation ($source: String!) { deployWorkflow(input: { projectId: "default", source: $source }) { workflow { id } userErrors { message } } }',
    { source },
  );
  const workflowId = deployed.deployWorkflow.workflow?.id;
  if (workflowId === undefined) throw new Error(JSON.stringify(deployed.deployWorkflow.userErrors));
  const triggered = await client.request<{ triggerWorkflowRun: { workflowRun: { id: string } } }>(
    "mutation ($id: ID!) { triggerWorkflowRun(input: { workflowId: $id }) { workflowRun { id } } }",
    { id: workflowId },
  );
  return triggered.triggerWorkflowRun.workflowRun.id;
}

export interface StepView {
  readonly id: string;
  readonly stepRef: string;
  readonly status: string;
  readonly attempt: number;
  readonly cancelProof: string | null;
  readonly output: Readonly<Record<string, unknown>> | null;
  readonly attempts: readonly {
    readonly number: number;
    readonly status: string;
    readonly error: string | null;
  }[];
}

export interface RunView {
  readonly status: string;
  readonly result: string;
  readonly error: string | null;
  readonly outputs: Readonly<Record<string, string>> | null;
  readonly commit: string | null;
  readonly steps: ReadonlyMap<string, StepView>;
}

/** A run and its steps by ref. */
export async function readRun(client: RuncastClient, id: string): Promise<RunView> {
  const { workflowRun } = await client.request<{
    workflowRun: RunView & { stepRuns: { nodes: StepView[] } };
  }>(
    `query ($id: ID!) { workflowRun(id: $id) { status result error outputs commit
       stepRuns(first: 100) { nodes { id stepRef status attempt cancelProof output attempts { number status error } } } } }`,
    { id },
  );
  return { ...workflowRun, steps: new Map(workflowRun.stepRuns.nodes.map((step) => [step.stepRef, step])) };
}

/** The stored log of one attempt, as text lines of the command. */
export async function readLog(client: RuncastClient, stepRunId: string, attempt: number): Promise<string[]> {
  const lines: string[] = [];
  const messages = client.follow<{
    stepLogs: { __typename: string; cursor: string; lines?: { stream: string; text: string }[] };
  }>({
    query: `subscription ($id: ID!, $attempt: Int!, $after: StreamPosition!) { stepLogs(stepRunId: $id, attempt: $attempt, after: $after) {
      __typename cursor ... on LogLines { lines { stream text } } } }`,
    variables: { id: stepRunId, attempt, after: { at: "START" } },
  });
  for await (const message of messages) {
    for (const { stream, text } of message.lines ?? []) if (stream !== "system") lines.push(text);
  }
  return lines;
}
