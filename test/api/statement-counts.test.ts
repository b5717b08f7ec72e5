import pg from "pg";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { decodeId } from "../../src/domain/ids.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { startProtocolRunner } from "../support/protocol-runner.ts";
import { startTestServer, type TestServer } from "../support/server.ts";
import { deploy, trigger } from "../support/workflows.ts";

const WAIT = "waitingOn { kind message until stepRefs queue runnerLabels holders { stepRef } }";
const LINK = "{ number status }";
const STEP = `stepRef status depsCompleted depsRequired needs output error exitCode releaseId progress ${WAIT}
  currentAttempt { number } attempts { number output } runner { name online hostname }
  approval { status quorum approvedCount decisions { actor { username } verdict } } reusedFrom { stepRef } childRun ${LINK}
  createdAt updatedAt`;
const RUN = `url annotations commits { sha } triggeredBy debug draining ${WAIT} estimatedDurationMs maxParallelSteps timeoutMs
  stepRetries retryOf ${LINK} rootRun ${LINK} retries ${LINK} sourceRun ${LINK} parentRun ${LINK} parentStepRun { stepRef }
  children ${LINK} previousRun ${LINK} createdBy { username } approvals { id status approvedCount stepRun { stepRef } }`;
const DETAIL = `query ($id: ID!) { workflowRun(id: $id) { ${RUN} graph { nodes { id status } edges { from to } }
  stageRuns { progress stepRuns { ${STEP} } } } }`;

/** Groups of ten steps: running, queued for busy, missing and idle runners, waiting for all there is, held by a slot. */
const FLOW = (groups: number) => `name: wide-${groups}
maxParallelSteps: ${groups * 6}
stages:
${Array.from(
  { length: groups },
  (_, group) => `  - name: stage-${group}
    steps:
${[
  `{ ref: a${group}, run: "true", queue: busy-${groups} }`,
  `{ ref: b${group}, run: "true", queue: busy-${groups}, needs: [a0] }`,
  `{ ref: c${group}, run: "true", queue: "nowhere-${group % 3}", needs: [a0] }`,
  `{ ref: d${group}, run: "true", needs: [c${group}] }`,
  `{ ref: e${group}, type: approval, needs: [a0] }`,
  `{ ref: f${group}, type: external, needs: [a0] }`,
  `{ ref: g${group}, type: delay, duration: 1h, needs: [a0] }`,
  `{ ref: h${group}, type: workflow, workflow: child, needs: [a0] }`,
  `{ ref: i${group}, run: "true", queue: idle, needs: [a0] }`,
  `{ ref: j${group}, run: "true", queue: busy-${groups}, needs: [a0], retry: { attempts: 2, backoff: 1m } }`,
]
  .map((step) => `      - ${step}\n`)
  .join("")}`,
).join("")}`;

let server: TestServer;
const runs = new Map<number, string>();
beforeAll(async () => {
  server = await startTestServer({ clock: new ManualClock(), runDuties: false });
  await deploy(server.admin, `name: child\nstages: [{ name: a, steps: [{ ref: x, type: external }] }]\n`);
  await startProtocolRunner(server, { queues: ["idle"] });
  for (const groups of [2, 20]) {
    const runner = await startProtocolRunner(server, { queues: [`busy-${groups}`] });
    const workflowId = await deploy(server.admin, FLOW(groups));
    const before = await trigger(server.admin, workflowId);
    await server.admin.request(
      "mutation ($input: CancelWorkflowRunInput!) { cancelWorkflowRun(input: $input) { workflowRun { status } } }",
      { input: { workflowRunId: before.id } },
    );
    const run = await trigger(server.admin, workflowId);
    runs.set(groups * 10, run.id);
    const first = await runner.claimOne();
    await runner.start(first);
    await runner.finish(first, "SUCCEEDED", { output: { key: "value" } });
    const tasks = await runner.claim({ max: 3 });
    await runner.start(...tasks);
    const id = decodeId(run.id)!.uuid;
    await server.database.query(
      `insert into step_result (run_id, idx, output, completion, reused_run_id, reused_idx)
        select run_id, idx, '{}', '{"releaseId": "r"}', run_id, 0 from step_run where run_id = $1 and idx % 2 = 0`,
      [id],
    );
    await server.database.query(
      `update workflow_run set retry_of_id = p.id, root_run_id = p.id, source_run_id = p.id, parent_run_id = p.id,
          parent_step_idx = 7, parent_attempt = 1
        from workflow_run p where workflow_run.id = $1 and p.workflow_id = workflow_run.workflow_id and p.number = 1`,
      [id],
    );
  }
  await server.database.query("update runner set capacity = 1 where not 'idle' = any (queues)");
});
afterAll(async () => await server[Symbol.asyncDispose]());

/** The statements of a request, once what never changes has been read. */
async function statementsOf(query: string, variables: object = {}) {
  await server.post({ query, variables });
  const statements = vi.spyOn(pg.Client.prototype, "query");
  try {
    const { body } = await server.post({ query, variables });
    expect(body.errors ?? []).toEqual([]);
    return { count: statements.mock.calls.length, data: body.data };
  } finally {
    statements.mockRestore();
  }
}

describe("a run in full, with all that surrounds it,", () => {
  it("of 200 open steps costs as many statements as one of 20", async () => {
    const few = await statementsOf(DETAIL, { id: runs.get(20) });
    const many = await statementsOf(DETAIL, { id: runs.get(200) });
    const kinds = (data: {
      workflowRun: { stageRuns: { stepRuns: { waitingOn: { kind: string } | null }[] }[] };
    }) =>
      data.workflowRun.stageRuns.flatMap(({ stepRuns }) =>
        stepRuns.map(({ waitingOn }) => waitingOn?.kind ?? "NOTHING"),
      );
    expect(kinds(many.data)).toHaveLength(200);
    for (const { data } of [few, many]) {
      expect([...new Set(kinds(data))].sort()).toEqual(
        expect.arrayContaining([
          "APPROVAL",
          "CAPACITY",
          "DELAY",
          "DEPENDENCY",
          "EXTERNAL_COMPLETION",
          "NOTHING",
          "RUNNER_LABELS",
        ]),
      );
    }
    expect(many.count).toBe(few.count);
    expect(many.count).toBeLessThanOrEqual(26);
    expect(many.count).toBeGreaterThan(15);
  });

  it("in a list costs as many statements as alone", async () => {
    const list = `query ($ids: [ID!]) { workflowRuns(first: 100, filter: { ids: $ids }) { nodes { ${RUN} } } }`;
    const few = await statementsOf(list, { ids: [runs.get(20)] });
    const many = await statementsOf(list, { ids: null });
    expect(many.data.workflowRuns.nodes.length).toBeGreaterThan(few.data.workflowRuns.nodes.length);
    expect(many.count).toBe(few.count);
  });
});

describe("a list of steps", () => {
  it("of 100 costs as many statements as one of 20", async () => {
    const list = (first: number) =>
      `{ stepRuns(first: ${first}, filter: { status: [PENDING, QUEUED, WAITING, RUNNING] }) { nodes { ${STEP} workflowRun { number } } } }`;
    const few = await statementsOf(list(20));
    const many = await statementsOf(list(100));
    expect(many.data.stepRuns.nodes).toHaveLength(100);
    expect(many.count).toBe(few.count);
  });
});
