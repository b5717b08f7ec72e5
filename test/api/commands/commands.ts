import { expect } from "vitest";
import type { TestServer } from "../../support/server.ts";
import { type TriggeredRun, trigger } from "../../support/workflows.ts";

/** What a refusal says, whatever its type. */
const PROBLEM = `userErrors { __typename code message path
  ... on InvalidState { current allowed } ... on RevisionConflict { revision }
  ... on ValidationFailed { faults { path message } } ... on LimitExceeded { limit } }`;
const RUN = "id number status revision labels annotations";
const BULK = `total failedCount items { workflowRunId outcome error newRun { id } originalRun { id } }
  operation { id status total succeeded failed progress }`;

/** What each mutation answers beside its refusals. */
const ANSWERS: Readonly<Record<string, string>> = {
  triggerWorkflowRun: `workflowRun { ${RUN} }`,
  executeWorkflow: `finished workflowRun { ${RUN} }`,
  startWorkflowRun: `workflowRun { ${RUN} }`,
  cancelWorkflowRun: `workflowRun { ${RUN} }`,
  pauseWorkflowRun: `workflowRun { ${RUN} }`,
  resumeWorkflowRun: `workflowRun { ${RUN} }`,
  retryWorkflowRun: `workflowRun { ${RUN} } plan { execute reuse { stepRef stepRunId } }`,
  finalizeWorkflowRun: `workflowRun { ${RUN} finalizedAt }`,
  deleteWorkflowRun: `workflowRun { ${RUN} }`,
  setWorkflowRunLabels: `workflowRun { ${RUN} }`,
  annotateWorkflowRun: `workflowRun { ${RUN} }`,
  cancelWorkflowRuns: `canceledCount ${BULK}`,
  replayWorkflowRuns: `replayedCount ${BULK}`,
  retryWorkflowRuns: `retriedCount ${BULK}`,
  deleteWorkflowRuns: `deletedCount ${BULK}`,
  setWorkflowRunsLabels: `labeledCount ${BULK}`,
  abortBulkOperation: "bulkOperation { id status total succeeded failed }",
};
const STEP_ANSWER = `stepRun { id stepRef status output workflowRun { ${RUN} } }`;

// biome-ignore lint/suspicious/noExplicitAny: payloads of every mutation
export type Payload = any;

export interface Refused {
  readonly __typename: string;
  readonly code: string;
  readonly message: string;
  readonly path: string;
  readonly current?: string;
  readonly allowed?: readonly string[];
  readonly revision?: number;
}

/** The document of a mutation with all that it can answer. */
export function documentOf(mutation: string): string {
  const type = `${mutation[0]!.toUpperCase()}${mutation.slice(1)}Input`;
  const resets = mutation === "replayStepRunSubtree" ? "resetCount" : "";
  const answer = ANSWERS[mutation] ?? `${resets} ${STEP_ANSWER}`;
  return `mutation ($input: ${type}!) { ${mutation}(input: $input) { clientMutationId ${PROBLEM} ${answer} } }`;
}

/** The whole answer, as it came. */
export async function send(
  server: TestServer,
  mutation: string,
  input: object,
  token = server.adminToken,
): Promise<{ status: number; body: Payload }> {
  return await server.post({ query: documentOf(mutation), variables: { input } }, { token });
}

/** The payload of a command that is at least understood. */
export async function command(
  server: TestServer,
  mutation: string,
  input: object,
  token = server.adminToken,
): Promise<Payload> {
  const { body } = await send(server, mutation, input, token);
  expect(body.errors ?? []).toEqual([]);
  return body.data[mutation];
}

/** The payload of a command that must be carried out. */
export async function carriedOut(
  server: TestServer,
  mutation: string,
  input: object,
  token = server.adminToken,
): Promise<Payload> {
  const payload = await command(server, mutation, input, token);
  expect([mutation, payload.userErrors]).toEqual([mutation, []]);
  return payload;
}

/** The one refusal of a command that must be refused. */
export async function refusal(
  server: TestServer,
  mutation: string,
  input: object,
  token = server.adminToken,
): Promise<Refused> {
  const { userErrors, ...payload } = await command(server, mutation, input, token);
  expect([mutation, userErrors.length]).toEqual([mutation, 1]);
  expect(payload.workflowRun ?? payload.stepRun ?? payload.operation ?? null).toBeNull();
  return userErrors[0];
}

// biome-ignore lint/suspicious/noExplicitAny: answers of every query
export async function query(server: TestServer, text: string, token = server.adminToken): Promise<any> {
  const { body } = await server.post({ query: text }, { token });
  expect(body.errors ?? []).toEqual([]);
  return body.data;
}

/** How often a command left its mark in the audit. */
export async function auditCount({ database }: TestServer, action: string): Promise<number> {
  const [row] = await database.query<{ count: number }>(
    "select count(*)::integer as count from audit_entry where action = $1",
    [action],
  );
  return row!.count;
}

/** One workflow with a step of each kind that can be had without a runner; no runner ever asks for its queue. */
export const PLAIN = (name: string, queue = "nobody") => `name: ${name}
stages:
  - name: a
    steps:
      - { ref: x, run: "true", queue: ${queue} }
      - { ref: after, run: "true", queue: ${queue}, needs: [x] }
      - { ref: ok, type: approval }
      - { ref: ext, type: external }
`;

/** How to bring about what a command is legal for, anew each time, and the command's input for it. */
export type Prepare = (server: TestServer, workflowId: string) => Promise<Readonly<Record<string, unknown>>>;

const run = async (server: TestServer, workflowId: string): Promise<TriggeredRun> =>
  await trigger(server.admin, workflowId);

const canceled: typeof run = async (server, workflowId) => {
  const made = await run(server, workflowId);
  await carriedOut(server, "cancelWorkflowRun", { workflowRunId: made.id });
  return made;
};

const onRun =
  (make: typeof run, more: object = {}): Prepare =>
  async (server, workflowId) => ({ workflowRunId: (await make(server, workflowId)).id, ...more });

const onStep =
  (make: typeof run, ref: string, more: object = {}): Prepare =>
  async (server, workflowId) => ({ step: { id: (await make(server, workflowId)).steps[ref] }, ...more });

const onRuns =
  (make: typeof run, more: object = {}): Prepare =>
  async (server, workflowId) => ({ runs: { ids: [(await make(server, workflowId)).id] }, ...more });

/** Every command that takes an `idempotencyKey`: how to have something that it can be done to. */
export const COMMANDS: Readonly<Record<string, Prepare>> = {
  // A message tells one trigger from the other.
  triggerWorkflowRun: async (_server, workflowId) => ({ workflowId, message: unique() }),
  executeWorkflow: async (_server, workflowId) => ({ workflowId, message: unique(), waitMs: 0 }),
  startWorkflowRun: onRun(async (server, workflowId) =>
    trigger(server.admin, workflowId, { start: "MANUAL" }),
  ),
  cancelWorkflowRun: onRun(run),
  pauseWorkflowRun: onRun(run),
  resumeWorkflowRun: onRun(async (server, workflowId) => {
    const made = await run(server, workflowId);
    await carriedOut(server, "pauseWorkflowRun", { workflowRunId: made.id });
    return made;
  }),
  retryWorkflowRun: onRun(canceled),
  finalizeWorkflowRun: onRun(canceled),
  deleteWorkflowRun: onRun(canceled),
  setWorkflowRunLabels: onRun(run, { labels: { team: "a" } }),
  annotateWorkflowRun: onRun(run, { annotations: { note: "a" } }),
  abortStepRun: onStep(run, "x"),
  retryStepRun: onStep(canceled, "x"),
  replayStepRunSubtree: onStep(run, "ok"),
  skipStepRun: onStep(run, "x"),
  forceCompleteStepRun: onStep(run, "x", { result: { made: "by hand" } }),
  completeStepRun: onStep(run, "ext", { success: true, message: "built", releaseId: "r1" }),
  decideApproval: onStep(run, "ok", { verdict: "APPROVE", comment: "fine" }),
  cancelWorkflowRuns: onRuns(run),
  replayWorkflowRuns: onRuns(canceled),
  retryWorkflowRuns: onRuns(canceled),
  deleteWorkflowRuns: onRuns(canceled),
  setWorkflowRunsLabels: onRuns(run, { labels: { team: "a" } }),
};

let made = 0;
function unique(): string {
  return `number ${made++}`;
}

export const ON_RUNS = Object.keys(COMMANDS).filter((name) =>
  /^(?!execute|trigger).*WorkflowRun(Labels)?$/.test(name),
);
export const ON_STEPS = Object.keys(COMMANDS).filter(
  (name) => name.includes("StepRun") || name === "decideApproval",
);
export const BULK_COMMANDS = Object.keys(COMMANDS).filter((name) => name.includes("WorkflowRuns"));
