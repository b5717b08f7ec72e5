import { expect } from "vitest";
import type { RuncastClient } from "../../src/client/runcast-client.ts";
import { decodeId } from "../../src/domain/ids.ts";
import type { ProtocolRunner, ProtocolTask, ReportedTestResult } from "../support/protocol-runner.ts";
import type { TestServer } from "../support/server.ts";
import { type TriggeredRun, trigger } from "../support/workflows.ts";

/** A test step between two others. */
export const FLOW = (name: string, more = "") => `name: ${name}
stages:
  - name: test
    steps:
      - { ref: unit, type: test, queue: ${name}${more}, test: { discover: ./list, run: ./one } }
  - name: after
    steps:
      - { ref: ship, run: "true", queue: ${name}-ship }
`;

export const TEST_FIELDS = `id key order name suite file status result attempt message durationMs regression gone waived
  statusReason { code message } review { status comment expiresAt by { username } }`;

// biome-ignore lint/suspicious/noExplicitAny: answers of every query
export type Answer = any;

export interface Suite {
  readonly client: RuncastClient;
  readonly run: TriggeredRun;
  readonly step: string;
}

export async function startSuite(client: RuncastClient, workflowId: string, input = {}): Promise<Suite> {
  const run = await trigger(client, workflowId, input);
  return { client, run, step: run.steps["unit"]! };
}

export function keysOf(count: number, from = 0): { key: string }[] {
  return Array.from({ length: count }, (_, i) => ({ key: `t${String(from + i).padStart(4, "0")}` }));
}

type Verdict = (key: string) => Partial<ReportedTestResult> & { status: string };

/** Executes whatever is handed out until nothing is open, as a runner does. */
export async function executeAll(
  runner: ProtocolRunner,
  task: ProtocolTask,
  verdict: Verdict,
): Promise<string[]> {
  const executed: string[] = [];
  let answer = await runner.reportTests(task, { take: 500 });
  while (answer.tests.length > 0) {
    executed.push(...answer.tests.map(({ key }) => key));
    const results = answer.tests.map(({ id, key }) => ({ testId: id, durationMs: 5, ...verdict(key) }));
    answer = await runner.reportTests(task, { results, take: 500 });
  }
  expect([answer.open, answer.stale]).toEqual([0, false]);
  return executed;
}

/** One lease of the test step: discovers `keys`, if that is asked for, executes and ends. */
export async function workOffSuite(
  runner: ProtocolRunner,
  keys: readonly { readonly key: string }[],
  verdict: Verdict,
): Promise<{ task: ProtocolTask; executed: string[] }> {
  const task = await runner.claimOne();
  await runner.start(task);
  if (task.spec.test!["rediscover"] === true) {
    for (let at = 0; at < keys.length; at += 500) {
      await runner.reportTests(task, { discovered: keys.slice(at, at + 500) });
    }
    await runner.reportTests(task, { discoveryComplete: true });
  }
  const executed = await executeAll(runner, task, verdict);
  expect(await runner.finish(task, "SUCCEEDED")).toBe("APPLIED");
  return { task, executed };
}

export async function testsOf({ client, step }: Suite, args = "first: 100"): Promise<Answer[]> {
  const text = `query ($id: ID!) { node(id: $id) { ... on StepRun { testRuns(${args}) { nodes { ${TEST_FIELDS} } } } } }`;
  return ((await client.request(text, { id: step })) as Answer).node.testRuns.nodes;
}

export async function stateOf({ client, run, step }: Suite): Promise<Answer> {
  const text = `query ($run: ID!, $step: ID!) { workflowRun(id: $run) { status statusReason { code message } }
    node(id: $step) { ... on StepRun { status statusReason { code message } attempt attempts { status }
      testRunCounts { total queued running passed failed errored skipped timedOut canceled waived approved rejected } } } }`;
  const answer = (await client.request(text, { run: run.id, step })) as Answer;
  return { run: answer.workflowRun, step: answer.node };
}

const PROBLEM = "userErrors { __typename code message path ... on InvalidState { current } }";
const ITEMS = `count items { outcome error testRun { key status } } workflowRun { status }`;
const ANSWERS: Readonly<Record<string, string>> = {
  submitTests: "stepRun { status }",
  rediscoverTests: "stepRun { status }",
  retryStepRun: "stepRun { status }",
};

/** A mutation on tests, whatever becomes of it. */
export async function act(client: RuncastClient, mutation: string, input: object): Promise<Answer> {
  const type = `${mutation[0]!.toUpperCase()}${mutation.slice(1)}Input`;
  const text = `mutation ($input: ${type}!) { ${mutation}(input: $input) { ${PROBLEM} ${ANSWERS[mutation] ?? ITEMS} } }`;
  return ((await client.request(text, { input })) as Answer)[mutation];
}

export async function done(client: RuncastClient, mutation: string, input: object): Promise<Answer> {
  const answer = await act(client, mutation, input);
  expect([mutation, answer.userErrors]).toEqual([mutation, []]);
  return answer;
}

/** The run's events in a word or two each, in order; those of tests by their keys. */
export async function eventsOf({ database }: TestServer, { run }: Suite): Promise<string[]> {
  const rows = await database.query<{ type: string; payload: Answer }>(
    "select type, payload from run_event where run_id = $1 order by seq",
    [decodeId(run.id)!.uuid],
  );
  return rows.map(({ type, payload: { key, step, status, review, count } }) =>
    [type, key ?? step, status ?? review ?? count].filter((part) => part !== undefined).join(" "),
  );
}
