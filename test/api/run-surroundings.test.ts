import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { decodeId, encodeId } from "../../src/domain/ids.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { startProtocolRunner } from "../support/protocol-runner.ts";
import { startTestServer, type TestServer } from "../support/server.ts";
import { deploy, type TriggeredRun, trigger } from "../support/workflows.ts";

const FLOW = `name: flow
inputs: { who: { type: string, default: me }, mode: { type: string, default: fast } }
stages:
  - name: build
    steps:
      - { ref: make, name: Make it, run: "true" }
      - { ref: check, run: "true", needs: [make], continueOnError: true }
  - name: release
    steps:
      - { ref: tell, type: external }
`;

const clock = new ManualClock();
let server: TestServer;
let workflowId: string;
let first: TriggeredRun;
let second: TriggeredRun;
let foreign: TriggeredRun;
let reader: string;

beforeAll(async () => {
  server = await startTestServer({ clock, runDuties: false });
  reader = await server.tokenWith("near", "PROJECT_USER");
  await server.tokenWith("far", "PROJECT_USER");
  workflowId = await deploy(server.admin, FLOW, "near");
  foreign = await trigger(server.admin, await deploy(server.admin, FLOW, "far"));
  const runner = await startProtocolRunner(server);
  const execute = async (ms: number, outcome: "SUCCEEDED" | "FAILED", error?: string) => {
    const task = await runner.claimOne();
    await runner.start(task);
    clock.advance(ms);
    await runner.finish(task, outcome, { output: { by: task.stepRef }, ...(error && { error }) });
  };
  await runner.workOff();
  first = await trigger(server.admin, workflowId, {
    envVars: [
      { key: "A", value: "1" },
      { key: "B", value: "1" },
      { key: "A", value: "2" },
    ],
    annotations: { note: "first" },
    debug: true,
    timeoutMs: 600_000,
    maxParallelSteps: 3,
    stepRetries: 0,
  });
  await execute(1_000, "SUCCEEDED");
  await execute(2_000, "FAILED", "it broke");
  await mutate("completeStepRun", {
    step: { id: first.steps["tell"] },
    success: true,
    releaseId: "r-1",
    message: "out",
  });
  second = await trigger(server.admin, workflowId, {
    inputs: { who: "you" },
    envVars: [{ key: "A", value: "2" }],
  });
  await execute(4_000, "SUCCEEDED");
  await execute(3_000, "SUCCEEDED");
  // What later deeds of others do to these columns is theirs to test: here they only have to be read.
  await server.database.query(
    `update workflow_run set retry_of_id = $2, root_run_id = $2, source_run_id = $3, parent_run_id = $2,
      parent_step_idx = 2, parent_attempt = 1 where id = $1`,
    [key(second.id), key(first.id), key(foreign.id)],
  );
  await server.database.query("update workflow_run_input set commits = $2 where run_id = $1", [
    key(first.id),
    JSON.stringify([{ sha: "abc", message: "m", author: "me", at: "2026-01-01T00:00:00Z" }, { sha: "def" }]),
  ]);
  await server.database.query(
    "insert into step_result (run_id, idx, output, reused_run_id, reused_idx) values ($1, 0, $3, $2, 0)",
    [key(second.id), key(first.id), JSON.stringify({ from: "before" })],
  );
});
afterAll(async () => await server[Symbol.asyncDispose]());

function key(id: string): string {
  return decodeId(id)!.uuid;
}

async function ask(query: string, variables: object = {}, token = server.adminToken) {
  const { body } = await server.post({ query, variables }, { token });
  expect(body.errors ?? []).toEqual([]);
  return body.data;
}

async function mutate(name: string, input: object): Promise<void> {
  const type = `${name[0]!.toUpperCase()}${name.slice(1)}Input`;
  const data = await ask(
    `mutation ($input: ${type}!) { ${name}(input: $input) { userErrors { message } } }`,
    {
      input,
    },
  );
  expect(data[name].userErrors).toEqual([]);
}

describe("a run", () => {
  const run = async (id: string, fields: string, token = server.adminToken) =>
    (await ask(`query ($id: ID!) { workflowRun(id: $id) { ${fields} } }`, { id }, token)).workflowRun;

  it("tells what it was started with", async () => {
    const fields = `url annotations debug commits { sha message author at } triggeredBy createdBy { username } timeoutMs
      maxParallelSteps stepRetries draining`;
    const answer = await run(first.id, fields);
    expect(answer).toMatchObject({
      url: null,
      annotations: { note: "first" },
      debug: true,
      timeoutMs: 600_000,
      maxParallelSteps: 3,
      stepRetries: 0,
      draining: false,
      commits: [
        { sha: "abc", message: "m", author: "me", at: "2026-01-01T00:00:00.000Z" },
        { sha: "def", message: null, author: null, at: null },
      ],
    });
    expect(answer.triggeredBy).toBe(answer.createdBy.username);
    expect(await run(second.id, fields)).toMatchObject({ annotations: {}, debug: false, commits: [] });
  });

  it("names what triggered it", async () => {
    const gone = encodeId("Schedule", key(first.id));
    await server.database.query("update workflow_run set trigger_ref = $2 where id = $1", [
      key(foreign.id),
      gone,
    ]);
    expect((await run(foreign.id, "triggeredBy")).triggeredBy).toBe(gone);
  });

  it("leads to the runs around it, but to none that the viewer may not read", async () => {
    const links = `retryOf { id } rootRun { id } sourceRun { id } parentRun { id } parentStepRun { stepRef }
      retries { id } children { id } previousRun { id }`;
    expect(await run(second.id, links)).toEqual({
      retryOf: { id: first.id },
      rootRun: { id: first.id },
      sourceRun: { id: foreign.id },
      parentRun: { id: first.id },
      parentStepRun: { stepRef: "tell" },
      retries: [],
      children: [],
      previousRun: { id: first.id },
    });
    expect((await run(second.id, links, reader)).sourceRun).toBeNull();
    const link = { id: second.id };
    expect(await run(first.id, links)).toMatchObject({
      retries: [link],
      children: [link],
      previousRun: null,
    });
    await server.database.query("update workflow_run set deleted_at = now() where id = $1", [key(first.id)]);
    expect(await run(second.id, links)).toMatchObject({
      retryOf: null,
      rootRun: null,
      parentRun: null,
      parentStepRun: null,
      previousRun: null,
    });
    await server.database.query("update workflow_run set deleted_at = null where id = $1", [key(first.id)]);
  });

  it("is a graph of its steps", async () => {
    const { graph } = await run(
      first.id,
      "graph { nodes { id stepRef name type stage stageOrder status } edges { from to } }",
    );
    expect(graph.nodes[0]).toEqual({
      id: first.steps["make"],
      stepRef: "make",
      name: "Make it",
      type: "run",
      stage: "build",
      stageOrder: 0,
      status: "SUCCEEDED",
    });
    expect(graph.nodes.map(({ stage }: { stage: string }) => stage)).toEqual(["build", "build", "release"]);
    expect(graph.edges).toEqual([{ from: first.steps["make"], to: first.steps["check"] }]);
  });

  it("has stages that tell how far they are", async () => {
    const { stageRuns } = await run(second.id, "stageRuns { progress }");
    expect(stageRuns).toEqual([{ progress: 100 }, { progress: 0 }]);
  });

  it("is expected to take what those before took", async () => {
    expect((await run(second.id, "estimatedDurationMs")).estimatedDurationMs).toBe(3_000);
    expect((await run(foreign.id, "estimatedDurationMs")).estimatedDurationMs).toBeNull();
  });

  it("has steps that tell their results", async () => {
    const fields = `stepRuns(first: 10) { nodes { stepRef output error releaseId progress reusedFrom { id } createdAt updatedAt
      finishedAt childRun { id } approval { id } } }`;
    const [make, check, tell] = (await run(first.id, fields)).stepRuns.nodes;
    expect(make).toMatchObject({
      output: { by: "make" },
      error: null,
      progress: 100,
      reusedFrom: null,
      approval: null,
    });
    expect(make.updatedAt).toBe(make.finishedAt);
    expect(make.createdAt < make.updatedAt).toBe(true);
    expect(check).toMatchObject({ output: { by: "check" }, error: "it broke", progress: 0 });
    expect(tell).toMatchObject({ error: null, releaseId: "r-1", progress: 100, childRun: null });
    const [reused, , open] = (await run(second.id, fields)).stepRuns.nodes;
    expect(reused).toMatchObject({ output: { from: "before" }, reusedFrom: { id: first.steps["make"] } });
    expect(open).toMatchObject({ output: null, error: null, progress: 0, releaseId: null });
  });
});

describe("a comparison of runs", () => {
  const COMPARE = `query ($base: ID!, $head: ID!) { compareWorkflowRuns(baseId: $base, headId: $head) {
    base { id } head { id } durationDeltaMs steps { stepRef base { id } head { id } durationDeltaMs change }
    inputs { key base head } envVars { key base head } } }`;

  it("says what became of each step, and what it was started with", async () => {
    const { compareWorkflowRuns: answer } = await ask(COMPARE, { base: first.id, head: second.id });
    const changes = ({ stepRef, durationDeltaMs, change }: Record<string, unknown>) => [
      stepRef,
      change,
      durationDeltaMs,
    ];
    expect(answer.steps.map(changes)).toEqual([
      ["make", "SAME", 3_000],
      ["check", "FIXED", 1_000],
      ["tell", "CHANGED", null],
    ]);
    expect(answer).toMatchObject({
      base: { id: first.id },
      head: { id: second.id },
      durationDeltaMs: null,
      inputs: [{ key: "who", base: "me", head: "you" }],
      envVars: [{ key: "B", base: "1", head: null }],
    });
    const { compareWorkflowRuns: back } = await ask(COMPARE, { base: second.id, head: first.id });
    expect(back.steps[1].change).toBe("BROKEN");
  });

  it("finds steps that only one of them has", async () => {
    const other = await trigger(
      server.admin,
      await deploy(
        server.admin,
        "name: small\nstages: [{ name: a, steps: [{ ref: make, run: 'true', queue: q }, { ref: new, type: external }] }]\n",
        "near",
      ),
    );
    const { compareWorkflowRuns: answer } = await ask(COMPARE, { base: first.id, head: other.id });
    expect(answer.steps.map(({ stepRef, change }: Record<string, unknown>) => [stepRef, change])).toEqual([
      ["make", "CHANGED"],
      ["new", "ADDED"],
      ["check", "REMOVED"],
      ["tell", "REMOVED"],
    ]);
  });

  it("needs two runs that the viewer may read", async () => {
    for (const [base, head] of [
      [first.id, foreign.id],
      [foreign.id, first.id],
      [first.id, first.steps["make"]],
    ]) {
      const { body } = await server.post({ query: COMPARE, variables: { base, head } }, { token: reader });
      expect(body.errors[0].extensions.code).toBe("NOT_FOUND");
    }
  });
});

describe("steps of many runs", () => {
  const LIST = `query ($projectId: ID, $filter: StepRunFilter, $first: Int, $after: String, $last: Int, $before: String) {
    stepRuns(projectId: $projectId, filter: $filter, first: $first, after: $after, last: $last, before: $before) {
      nodes { stepRef workflowRun { id } } totalCount { value } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }`;
  const page = async (variables: object, token = reader) =>
    (await ask(LIST, { projectId: "near", ...variables }, token)).stepRuns;
  const found = async (filter: object) => {
    const { nodes, totalCount } = await page({ filter: { runIds: [first.id, second.id], ...filter } });
    expect(totalCount.value).toBe(nodes.length);
    return nodes.map(
      ({ stepRef, workflowRun }: { stepRef: string; workflowRun: { id: string } }) =>
        `${workflowRun.id === first.id ? 1 : 2} ${stepRef}`,
    );
  };
  const ALL = ["2 tell", "2 check", "2 make", "1 tell", "1 check", "1 make"];

  it("are found by what they are", async () => {
    expect(await found({})).toEqual(ALL);
    expect(await found({ status: ["FAILED", "WAITING"] })).toEqual(["2 tell", "1 check"]);
    expect(await found({ status: [] })).toEqual([]);
    expect(await found({ stepRef: "check" })).toEqual(["2 check", "1 check"]);
    expect(await found({ type: ["external", "nonsense"] })).toEqual(["2 tell", "1 tell"]);
    expect(await found({ runIds: [first.id, foreign.id] })).toEqual(ALL.slice(3));
    expect(await found({ workflowIds: [workflowId] })).toEqual(ALL);
    expect(await found({ workflowIds: ["wf_x"] })).toEqual([]);
    expect(await found({ queue: "default", type: ["run"] })).toHaveLength(4);
    expect(await found({ queue: "other" })).toEqual([]);
    expect(await found({ labels: [] })).toEqual(ALL);
    expect(await found({ labels: ["gpu"] })).toEqual([]);
    expect(await found({ started: { lt: "2000-01-01T00:00:00Z" } })).toEqual([]);
  });

  it("are paged both ways", async () => {
    const filter = { runIds: [first.id, second.id] };
    const refs: string[] = [];
    for (let after: string | null = null; refs.length <= ALL.length; ) {
      const { nodes, pageInfo } = await page({ filter, first: 2, after });
      refs.push(...nodes.map(({ stepRef }: { stepRef: string }) => stepRef));
      if (!pageInfo.hasNextPage) break;
      after = pageInfo.endCursor;
    }
    expect(refs).toEqual(ALL.map((name) => name.slice(2)));
    const last = await page({ filter, last: 4 });
    expect(last.nodes.map(({ stepRef }: { stepRef: string }) => stepRef)).toEqual(refs.slice(2));
    const before = await page({ filter, last: 4, before: last.pageInfo.startCursor });
    expect(before.nodes.map(({ stepRef }: { stepRef: string }) => stepRef)).toEqual(refs.slice(0, 2));
  });

  it("are those of the projects that the viewer may read", async () => {
    const { nodes } = await page({ projectId: null, first: 100 });
    expect(
      nodes.some(({ workflowRun }: { workflowRun: { id: string } }) => workflowRun.id === foreign.id),
    ).toBe(false);
    const everything = await page({ projectId: null, first: 100 }, server.adminToken);
    expect(everything.nodes.length).toBe(nodes.length + 3);
    const { body } = await server.post({ query: LIST, variables: { projectId: "far" } }, { token: reader });
    expect(body.errors[0].extensions.code).toBe("NOT_FOUND");
  });
});
