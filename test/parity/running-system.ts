import { randomUUID } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "vitest";
import { RealRunner } from "../e2e/real-runner.ts";
import { startTestServer, type TestServer, type TestServerOptions } from "../support/server.ts";
import { waitFor } from "../support/wait-for.ts";
import { Scene } from "./scene.ts";

// biome-ignore lint/suspicious/noExplicitAny: answers of every shape
export type Answer = any;
export type Fields = Readonly<Record<string, unknown>>;

export const TERMINAL = ["SUCCEEDED", "FAILED", "TIMED_OUT", "CANCELED", "SKIPPED"];

const ERRORS = `userErrors { __typename code message path ... on InvalidState { current allowed }
  ... on RevisionConflict { revision } ... on ValidationFailed { faults { path message } } }`;
const STEP = `id stepRef status result attempt cancelProof output error exitCode releaseId
  statusReason { code message actor { username } } reusedFrom { id } attempts { number status }`;
const RUN = `id number status result phase progress revision error outputs draining finishedAt finalizedAt
  statusReason { code message actor { username } } retryOf { id }`;
const OBJECTS: Readonly<Record<string, string>> = {
  workflowRun: `workflowRun { ${RUN} stepRuns(first: 100) { nodes { id stepRef status } } }`,
  stepRun: `stepRun { ${STEP} workflowRun { id status } }`,
};
const EVENT = `__typename seq at cursor actor { username type } workflowRun { id status }
  ... on RunStatusChanged { runStatus statusReason { code message } }
  ... on RunFinished { success error { message details } }
  ... on StageStatusChanged { stageStatus stageRun { name } }
  ... on StepStatusChanged { stepStatus attempt stepRun { id stepRef } statusReason { code message } }
  ... on ApprovalDecided { verdict comment approvalStatus stepRun { stepRef } }
  ... on ApprovalRequested { stepRun { stepRef } } ... on RunLabelsChanged { labels }`;

export interface Trouble {
  readonly code: string;
  readonly data: Answer;
}

/** The server and the product's runner on one database, as the steps of a test's runs really execute. */
export class RunningSystem implements AsyncDisposable {
  readonly server: TestServer;
  readonly #runner: RealRunner;
  readonly #folder = mkdtempSync(join(tmpdir(), "runcast-parity-"));

  private constructor(server: TestServer, runner: RealRunner) {
    this.server = server;
    this.#runner = runner;
  }

  static async start(
    options: TestServerOptions = {},
    settings: Readonly<Record<string, string>> = {},
  ): Promise<RunningSystem> {
    const server = await startTestServer(options);
    const token = await server.runnerToken();
    return new RunningSystem(
      server,
      new RealRunner(server.url, token, { RUNCAST_RUNNER_CAPACITY: "8", ...settings }),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#runner[Symbol.asyncDispose]();
    await this.server[Symbol.asyncDispose]();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** A place for what the steps of one test leave behind, outside of the database. */
  scene(): Scene {
    return new Scene(this.#folder);
  }

  /** An operation that must succeed. @returns its one root field */
  async ask(query: string, variables: Fields = {}, token?: string): Promise<Answer> {
    const { body } = await this.server.post({ query, variables }, { ...(token !== undefined && { token }) });
    expect(body?.errors ?? []).toEqual([]);
    return Object.values(body.data)[0];
  }

  /** An operation that must be answered with a top-level error. */
  async trouble(query: string, variables: Fields = {}, token?: string): Promise<Trouble> {
    const { body } = await this.server.post({ query, variables }, { ...(token !== undefined && { token }) });
    expect(body.errors, `no error: ${JSON.stringify(body.data)}`).toHaveLength(1);
    return { code: body.errors[0].extensions.code, data: body.data };
  }

  /** One mutation. @returns its payload, userErrors included; what it selects beside these follows from its name */
  async send(name: string, input: Fields, fields?: string, token?: string): Promise<Answer> {
    const selection = fields ?? OBJECTS[/StepRun|Approval/.test(name) ? "stepRun" : "workflowRun"]!;
    return await this.ask(mutation(name, selection), { input }, token);
  }

  /** One mutation that must be carried out. @returns its object, or its payload when `fields` were asked for */
  async act(name: string, input: Fields, fields?: string, token?: string): Promise<Answer> {
    const payload = await this.send(name, input, fields, token);
    expect(payload.userErrors).toEqual([]);
    return fields === undefined ? (payload.workflowRun ?? payload.stepRun) : payload;
  }

  /** One mutation that must be refused. @returns the one error */
  async refused(name: string, input: Fields, fields?: string, token?: string): Promise<Answer> {
    const payload = await this.send(name, input, fields, token);
    expect(payload.userErrors).toHaveLength(1);
    return payload.userErrors[0];
  }

  async forbidden(name: string, input: Fields, token: string): Promise<void> {
    const { code, data } = await this.trouble(mutation(name, "clientMutationId"), { input }, token);
    expect({ name, code, data }).toEqual({ name, code: "FORBIDDEN", data: { [name]: null } });
  }

  /** Deploys a workflow under a name of its own. @returns its id */
  async deploy(definition: Fields, projectId = "default"): Promise<string> {
    const source = JSON.stringify({ name: `flow-${randomUUID()}`, ...definition });
    const { workflow } = await this.act("deployWorkflow", { projectId, source }, "workflow { id }");
    return workflow.id;
  }

  async trigger(workflowId: string, input: Fields = {}, token?: string): Promise<Answer> {
    return await this.act("triggerWorkflowRun", { workflowId, ...input }, undefined, token);
  }

  /** Deploys a workflow of these stages and makes a run of it. */
  async begin(
    stages: readonly (readonly Fields[])[],
    input: Fields = {},
    more: Fields = {},
  ): Promise<Answer> {
    return await this.trigger(await this.deploy({ ...more, stages: stagesOf(stages) }), input);
  }

  /** Proves that the runner takes work: whatever else was claimable has been taken by now. */
  async witness(): Promise<void> {
    const { id } = await this.begin([[{ ref: "witness", run: "true" }]]);
    expect((await this.ended(id)).status).toBe("SUCCEEDED");
  }

  /** A run with its steps by ref. */
  async run(id: string): Promise<Answer> {
    const run = await this.ask(
      `query ($id: ID!) { workflowRun(id: $id) { ${RUN} stepRuns(first: 100) { nodes { ${STEP} } } } }`,
      { id },
    );
    const steps = run.stepRuns.nodes as Answer[];
    return { ...run, steps: Object.fromEntries(steps.map((step) => [step.stepRef, step])) };
  }

  async until(id: string, what: string, holds: (run: Answer) => boolean): Promise<Answer> {
    let last: Answer = null;
    const look = async () => {
      last = await this.run(id);
      return holds(last) && last;
    };
    return await waitFor(`${what} of ${id}`, look, { everyMs: 30 }).catch((error: Error) => {
      const steps = Object.values<Answer>(last.steps).map(({ stepRef, status }) => `${stepRef} ${status}`);
      throw new Error(`${error.message}: it is ${last.status} with ${steps.join(", ")}`);
    });
  }

  async ended(id: string): Promise<Answer> {
    return await this.until(id, "end", ({ status }) => TERMINAL.includes(status));
  }

  async inStatus(id: string, status: string): Promise<Answer> {
    return await this.until(id, status, (run) => run.status === status);
  }

  async stepInStatus(id: string, ref: string, status: string): Promise<Answer> {
    return (await this.until(id, `${ref} ${status}`, ({ steps }) => steps[ref].status === status)).steps[ref];
  }

  /** Waits until a held step executes, and is known to. @returns its processes */
  async processes(scene: Scene, id: string, ref: string, executions = 1): Promise<number[]> {
    const processes = await scene.processesOf(ref, executions);
    await this.stepInStatus(id, ref, "RUNNING");
    return processes;
  }

  /** A run's whole event log, which must have no gap. */
  async events(id: string): Promise<Answer[]> {
    const { events } = await this.ask(
      `query ($id: ID!) { workflowRun(id: $id) { events(first: 1000) { ${EVENT} } } }`,
      { id },
    );
    const seqs = (events as Answer[]).map(({ seq }) => seq);
    expect(seqs).toEqual(seqs.map((_, index) => index + 1));
    return events;
  }
}

export const STREAM = `subscription ($id: ID!, $after: StreamPosition!) {
  runEvents(workflowRunId: $id, after: $after) { cursor __typename ... on RunEvent { ${EVENT} } } }`;

/** Stages by their steps; names do not matter to these tests. */
export function stagesOf(stages: readonly (readonly Fields[])[]): Fields[] {
  return stages.map((steps, index) => ({ name: `stage-${index + 1}`, steps }));
}

export function stepRef(workflowRunId: string, ref: string): Fields {
  return { step: { ref: { workflowRunId, stepRef: ref } } };
}

function mutation(name: string, fields: string): string {
  const input = `${name[0]!.toUpperCase()}${name.slice(1)}Input`;
  return `mutation ($input: ${input}!) { ${name}(input: $input) { ${fields} ${ERRORS} } }`;
}
