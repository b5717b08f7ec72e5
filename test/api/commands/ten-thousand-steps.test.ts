import { afterAll, beforeAll, expect, it } from "vitest";
import { type ProtocolTask, startProtocolRunner } from "../../support/protocol-runner.ts";
import { startTestServer, type TestServer } from "../../support/server.ts";
import { deploy } from "../../support/workflows.ts";
import { carriedOut, query } from "./commands.ts";

/** The most that a workflow may have. */
const STEPS = 10_000;
const CLAIMS = 3;
const PER_CLAIM = 200;

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer({ runDuties: false });
});
afterAll(async () => await server[Symbol.asyncDispose]());

it("runs a workflow of 10,000 steps, pages through it and cancels it", async () => {
  const steps = Array.from({ length: STEPS }, (_, i) => ({ ref: `s${i}`, run: "true" }));
  const half = STEPS / 2;
  const stages = [
    { name: "a", steps: steps.slice(0, half) },
    { name: "b", steps: steps.slice(half) },
  ];
  const workflowId = await deploy(server.admin, JSON.stringify({ name: "huge", stages }));
  const { workflowRun } = await carriedOut(server, "triggerWorkflowRun", { workflowId });
  expect(workflowRun.status).toBe("QUEUED");

  const runner = await startProtocolRunner(server);
  const done: ProtocolTask[] = [];
  for (let i = 0; i < CLAIMS; i++) {
    const tasks = await runner.claim({ max: PER_CLAIM });
    expect(tasks).toHaveLength(PER_CLAIM);
    await runner.start(...tasks);
    await Promise.all(tasks.map(async (task) => await runner.finish(task, "SUCCEEDED")));
    done.push(...tasks);
  }
  expect(new Set(done.map(({ stepRef }) => stepRef)).size).toBe(CLAIMS * PER_CLAIM);
  const [running] = await runner.claim({ max: 1 });
  await runner.start(running!);

  const pages = async (): Promise<{ order: number; stepRef: string; status: string }[]> => {
    const found: { order: number; stepRef: string; status: string }[] = [];
    for (let after: string | null = null, page = 0; page < STEPS / 1_000; page++) {
      const args = `first: 1000, after: ${JSON.stringify(after)}`;
      const fields = "nodes { order stepRef status } pageInfo { hasNextPage endCursor }";
      const { node } = await query(
        server,
        `{ node(id: "${workflowRun.id}") { ... on WorkflowRun { stepRuns(${args}) { ${fields} } } } }`,
      );
      const { nodes, pageInfo } = node.stepRuns;
      expect([page, nodes.length, pageInfo.hasNextPage]).toEqual([page, 1_000, page < STEPS / 1_000 - 1]);
      found.push(...nodes);
      after = pageInfo.endCursor;
    }
    return found;
  };
  const count = (found: readonly { status: string }[]): Record<string, number> =>
    found.reduce<Record<string, number>>((counts, { status }) => {
      counts[status] = (counts[status] ?? 0) + 1;
      return counts;
    }, {});

  const before = await pages();
  expect(before.map(({ stepRef }) => stepRef)).toEqual(steps.map(({ ref }) => ref));
  expect(count(before)).toEqual({
    SUCCEEDED: CLAIMS * PER_CLAIM,
    RUNNING: 1,
    QUEUED: half - CLAIMS * PER_CLAIM - 1,
    PENDING: half,
  });

  const canceled = await carriedOut(server, "cancelWorkflowRun", { workflowRunId: workflowRun.id });
  expect(canceled.workflowRun.status).toBe("CANCELING");
  await runner.finish(running!, "ABORTED");
  const after = await pages();
  expect(count(after)).toEqual({ SUCCEEDED: CLAIMS * PER_CLAIM, CANCELED: STEPS - CLAIMS * PER_CLAIM });
  const { node } = await query(
    server,
    `{ node(id: "${workflowRun.id}") { ... on WorkflowRun { status progress } } }`,
  );
  expect(node).toEqual({ status: "CANCELED", progress: 6 });
});
