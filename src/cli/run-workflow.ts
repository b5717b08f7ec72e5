import { WebSocket } from "ws";
import { createRuncastClient, type RuncastClient } from "../client/runcast-client.ts";
import { formatFault } from "../definitions/faults.ts";
import { parseWorkflowFile } from "../definitions/parse-workflow-file.ts";
import { typedInputs } from "../definitions/typed-inputs.ts";
import { followRun } from "./follow-run.ts";
import {
  CancelDocument,
  DeployDocument,
  TriggerDocument,
  type TriggerWorkflowRunInput,
} from "./generated/graphql.ts";
import { createProgressView } from "./progress/progress-view.ts";
import { readWorkflowSource } from "./workflow-source.ts";

/** What the user gave cannot be run; the message is for them, a line for each fault. */
export class UsageError extends Error {}

export interface RunTarget {
  readonly url: string;
  readonly token: string;
}

export interface RunRequest {
  readonly file: string;
  readonly project: string;
  /** As they were typed; the workflow file says what types they have. */
  readonly inputs: Readonly<Record<string, string>>;
  readonly options: Omit<TriggerWorkflowRunInput, "workflowId" | "inputs">;
}

/** Deploys a workflow file, runs it and shows it until it ends. @returns whether it succeeded */
export async function runWorkflow({ url, token }: RunTarget, request: RunRequest): Promise<boolean> {
  const client = createRuncastClient({ url, token, webSocketImpl: WebSocket });
  const source = readWorkflowSource(request.file);
  const workflowId = await deploy(client, request, source);
  const { definition } = parseWorkflowFile(source);
  // Of a faulty file the server tells all that is wrong.
  const inputs = typedInputs(definition?.inputs ?? [], request.inputs);
  const run = await trigger(client, { ...request.options, inputs, workflowId });
  process.stdout.write(`run #${run.number} of ${run.workflowName}  ${run.id}\n`);
  const view = createProgressView({
    stream: process.stdout,
    ...(process.env["TERM"] === "dumb" && { isTTY: false }),
  });
  const stopListening = cancelOnInterrupt(client, run.id, () => view.close());
  try {
    const { status } = await followRun(client, run.id, view);
    return status === "SUCCEEDED" || status === "SKIPPED";
  } finally {
    view.close();
    stopListening();
  }
}

async function deploy(client: RuncastClient, { file, project }: RunRequest, source: string): Promise<string> {
  const input = { projectId: project, source };
  const { deployWorkflow } = await client.request(DeployDocument, { input });
  const id = deployWorkflow?.workflow?.id;
  if (id !== undefined) return id;
  throw refused(deployWorkflow?.userErrors, (fault) =>
    formatFault({ ...fault, line: fault.line ?? 1, column: fault.column ?? 1 }, file),
  );
}

async function trigger(client: RuncastClient, input: TriggerWorkflowRunInput) {
  const { triggerWorkflowRun } = await client.request(TriggerDocument, { input });
  const run = triggerWorkflowRun?.workflowRun;
  if (run != null) return run;
  throw refused(triggerWorkflowRun?.userErrors, lineOf);
}

interface Problem {
  readonly message: string;
  readonly path: string;
}

/** @param formatted the line of one fault in what was given */
function refused<Fault>(
  errors: readonly (Problem | (Problem & { readonly faults: readonly Fault[] }))[] = [],
  formatted: (fault: Fault) => string,
): UsageError {
  const lines = errors.flatMap((error) =>
    "faults" in error ? error.faults.map(formatted) : [lineOf(error)],
  );
  return new UsageError(lines.join("\n"));
}

function lineOf({ path, message }: Problem): string {
  return `${path}: ${message}`;
}

const INTERRUPTED = 130;

/** The first Ctrl-C cancels the run and waits for its end; the second leaves it to itself. */
function cancelOnInterrupt(client: RuncastClient, workflowRunId: string, leave: () => void): () => void {
  let asked = false;
  const onInterrupt = (): void => {
    if (asked) {
      leave();
      process.exit(INTERRUPTED);
    }
    asked = true;
    const input = { workflowRunId, reason: "interrupted at the terminal" };
    client.request(CancelDocument, { input }).catch((error: Error) => {
      process.stderr.write(`the run could not be canceled: ${error.message}\n`);
    });
  };
  process.on("SIGINT", onInterrupt);
  process.on("SIGTERM", onInterrupt);
  return () => {
    process.off("SIGINT", onInterrupt);
    process.off("SIGTERM", onInterrupt);
  };
}
