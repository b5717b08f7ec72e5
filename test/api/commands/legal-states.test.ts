import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { expireRuns } from "../../../src/duties/expire-runs.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { startProtocolRunner } from "../../support/protocol-runner.ts";
import { startTestServer, type TestServer } from "../../support/server.ts";
import { deploy, trigger } from "../../support/workflows.ts";
import { expectNothingWritten } from "../tables.ts";
import { carriedOut, command, query } from "./commands.ts";
import { everyState, type States } from "./states.ts";

const clock = new ManualClock();
let server: TestServer;
let states: States;
beforeAll(async () => {
  server = await startTestServer({ clock, runDuties: false });
  states = await everyState(server, await startProtocolRunner(server), clock);
});
afterAll(async () => await server[Symbol.asyncDispose]());

const TERMINAL = ["SUCCEEDED", "FAILED", "TIMED_OUT", "CANCELED", "SKIPPED"];
const OPEN_RUN = ["PENDING", "QUEUED", "RUNNING", "WAITING", "PAUSED", "CANCELING"];
const RUN_STATES = [...OPEN_RUN, ...TERMINAL];

/** What the contract says: where a command is legal, and where it is no fault to ask for what is so already. */
const RUN_COMMANDS: Readonly<Record<string, { legal: readonly string[]; alike?: string; input?: object }>> = {
  startWorkflowRun: { legal: ["PENDING"] },
  cancelWorkflowRun: { legal: OPEN_RUN, alike: "CANCELED" },
  pauseWorkflowRun: { legal: ["QUEUED", "RUNNING", "WAITING"] },
  resumeWorkflowRun: { legal: ["PAUSED"] },
  retryWorkflowRun: { legal: TERMINAL, input: { mode: "ALL" } },
  finalizeWorkflowRun: { legal: TERMINAL },
  deleteWorkflowRun: { legal: TERMINAL },
  setWorkflowRunLabels: { legal: RUN_STATES, input: { labels: { a: "b" } } },
  annotateWorkflowRun: { legal: RUN_STATES, input: { annotations: { a: "b" } } },
};

const OPEN_STEP = ["PENDING", "QUEUED", "WAITING", "RUNNING", "CANCELING"];
const WAITING = ["WAITING for approval", "WAITING for somebody else", "WAITING for time"];
const FAILED = ["FAILED", "TIMED_OUT", "CANCELED"];
const SKIPPABLE = ["PENDING", "QUEUED", ...WAITING, ...FAILED, "SKIPPED by what it needs"];
/** Of what is SKIPPED only some may be skipped again, so that status is not among those that a refusal names. */
const SKIPPABLE_STATUSES = ["PENDING", "QUEUED", "WAITING", ...FAILED];
interface StepCommand {
  readonly legal: readonly string[];
  readonly statuses?: readonly string[];
  readonly input?: object;
}
const STEP_COMMANDS: Readonly<Record<string, StepCommand>> = {
  abortStepRun: {
    legal: ["PENDING", "QUEUED", ...WAITING, "RUNNING", "CANCELING", "CANCELING in a run that is CANCELING"],
  },
  retryStepRun: { legal: FAILED },
  // Whatever has started: what was skipped or never came to its turn did not.
  replayStepRunSubtree: {
    legal: [...WAITING, "RUNNING", "CANCELING", "SUCCEEDED", "FAILED", "TIMED_OUT"],
    statuses: [...OPEN_STEP, ...TERMINAL],
  },
  skipStepRun: { legal: SKIPPABLE, statuses: SKIPPABLE_STATUSES },
  forceCompleteStepRun: { legal: [...SKIPPABLE, "RUNNING"], statuses: [...SKIPPABLE_STATUSES, "RUNNING"] },
  completeStepRun: { legal: ["WAITING for somebody else"], input: { success: true } },
  decideApproval: { legal: ["WAITING for approval"], input: { verdict: "APPROVE" } },
  reportStepProgress: {
    legal: ["RUNNING", "WAITING for somebody else"],
    statuses: ["RUNNING", "WAITING"],
    input: { progress: 1 },
  },
  recordStepTrace: {
    legal: ["RUNNING", "WAITING for somebody else"],
    statuses: ["RUNNING", "WAITING"],
    input: { kind: "NOTE", content: "x" },
  },
};

describe("the statuses", () => {
  it("are what they are called", async () => {
    const runs = await query(
      server,
      `{ nodes(ids: ${JSON.stringify(Object.values(states.runs))}) { ... on WorkflowRun { status } } }`,
    );
    expect(runs.nodes.map(({ status }: { status: string }) => status)).toEqual(Object.keys(states.runs));
    const steps = await query(
      server,
      `{ nodes(ids: ${JSON.stringify(Object.values(states.steps))}) { ... on StepRun { status } } }`,
    );
    const names = Object.keys(states.steps).map((name) => name.split(" ")[0]);
    expect(steps.nodes.map(({ status }: { status: string }) => status)).toEqual(names);
    expect(Object.keys(states.runs).sort()).toEqual([...RUN_STATES].sort());
  });
});

/** What became of a command in each state: legal, or the state that it was refused for and what it says is legal. */
type Outcomes = Record<string, "legal" | { readonly current: string; readonly allowed: readonly string[] }>;

async function outcomes(
  mutation: string,
  requests: Readonly<Record<string, object>>,
  path: string,
): Promise<Outcomes> {
  const found: Outcomes = {};
  for (const [state, request] of Object.entries(requests)) {
    const { userErrors } = await command(server, mutation, request);
    if (userErrors.length > 0) {
      expect(userErrors).toMatchObject([{ __typename: "InvalidState", code: "INVALID_STATE", path }]);
    }
    const [refused] = userErrors;
    found[state] = refused ? { current: refused.current, allowed: [...refused.allowed].sort() } : "legal";
  }
  return found;
}

describe("a command to a run", () => {
  it.each(Object.entries(RUN_COMMANDS))(
    "such as %s is legal, or refused with where it is",
    async (mutation, { legal, alike, input = {} }) => {
      const isLegal = (status: string): boolean => legal.includes(status) || status === alike;
      const requests = Object.entries(states.runs).map(([status, workflowRunId]) => [
        status,
        { workflowRunId, dryRun: isLegal(status), ...input },
      ]);
      const expected = RUN_STATES.map((status) => [
        status,
        isLegal(status) ? "legal" : { current: status, allowed: [...legal].sort() },
      ]);
      const found = await expectNothingWritten(
        server.database,
        async () => await outcomes(mutation, Object.fromEntries(requests), "input.workflowRunId"),
      );
      expect(found).toEqual(Object.fromEntries(expected));
    },
  );
});

/** What `current` says of a step. */
function currentOf(name: string): string {
  if (name.includes("finalized")) return "FINALIZED";
  return name.includes("in a run that is") ? name.split(" ").at(-1)! : name.split(" ")[0]!;
}

describe("a command to a step", () => {
  it.each(Object.entries(STEP_COMMANDS))(
    "such as %s is legal, or refused with where it is",
    async (mutation, { legal, statuses = legal.map((name) => name.split(" ")[0]!), input = {} }) => {
      const requests = Object.entries(states.steps).map(([name, id]) => [
        name,
        { step: { id }, dryRun: legal.includes(name), ...input },
      ]);
      const allowed = [...new Set(statuses)].sort();
      const expected = Object.keys(states.steps).map((name) => [
        name,
        legal.includes(name) ? "legal" : { current: currentOf(name), allowed },
      ]);
      const found = await expectNothingWritten(
        server.database,
        async () => await outcomes(mutation, Object.fromEntries(requests), "input.step"),
      );
      expect(found).toEqual(Object.fromEntries(expected));
    },
  );
});

describe("a run that waits to be started", () => {
  it("starts with what is said then, added to what was said when it was made", async () => {
    const flow = `name: by-hand
inputs: { a: { type: string }, b: { type: string } }
timeout: 1h
stages: [{ name: a, steps: [{ ref: x, run: "true", queue: nobody }] }]
`;
    const workflow = await deploy(server.admin, flow);
    const first = {
      ...{ start: "MANUAL", inputs: { a: "1", b: "1" }, message: "made", stepRetries: 1 },
      ...{ labels: { a: "1", b: "1" }, annotations: { a: "1" }, envVars: [{ key: "A", value: "1" }] },
    };
    const { id } = await trigger(server.admin, workflow, first);
    clock.advance(60 * 60 * 1_000 - 1);
    await expireRuns.run(server.app.engine);
    const { workflowRun } = await carriedOut(server, "startWorkflowRun", {
      workflowRunId: id,
      ...{ inputs: { b: "2" }, timeoutMs: 7_200_000, debug: true, labels: { b: "2", c: "2" } },
      ...{ annotations: { b: "2" }, envVars: [{ key: "B", value: "${A}" }] },
    });
    expect(workflowRun.status).toBe("QUEUED");
    const fields =
      "inputs labels annotations envVars { key value } message stepRetries debug timeoutMs expiresAt";
    const { node } = await query(server, `{ node(id: "${id}") { ... on WorkflowRun { ${fields} } } }`);
    expect(node).toEqual({
      inputs: { a: "1", b: "2" },
      labels: { a: "1", b: "2", c: "2" },
      annotations: { a: "1", b: "2" },
      envVars: [
        { key: "A", value: "1" },
        { key: "B", value: "${A}" },
      ],
      message: "made",
      stepRetries: 1,
      debug: true,
      timeoutMs: 7_200_000,
      expiresAt: new Date(clock.now().getTime() + 7_200_000).toISOString(),
    });
  });
});
