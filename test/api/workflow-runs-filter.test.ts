import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ManualClock } from "../support/manual-clock.ts";
import { startProtocolRunner } from "../support/protocol-runner.ts";
import { startTestServer, type TestServer } from "../support/server.ts";
import { deploy, trigger } from "../support/workflows.ts";
import { makeToken } from "./accounts.ts";

const FLOW = (name: string) => `name: ${name}\nstages: [{ name: a, steps: [{ ref: x, run: "true" }] }]\n`;
const QUERY = `query ($projectId: ID, $filter: WorkflowRunFilter) {
  workflowRuns(projectId: $projectId, filter: $filter, first: 100, orderBy: { direction: ASC }) {
    nodes { message } totalCount { value exact } } }`;

const clock = new ManualClock();
let server: TestServer;
/** Ids by message, which names what is special about each run. */
const ids: Record<string, string> = {};
let flows: { one: string; two: string; far: string };
const COMMIT = "abcdef0123456789abcdef0123456789abcdef01";
let noon: Date;

beforeAll(async () => {
  server = await startTestServer({ clock, runDuties: false });
  await server.tokenWith("far", "PROJECT_USER");
  flows = {
    one: await deploy(server.admin, FLOW("one")),
    two: await deploy(server.admin, FLOW("two")),
    far: await deploy(server.admin, FLOW("far"), "far"),
  };
  const add = async (message: string, workflowId: string, input: object = {}, client = server.admin) => {
    ids[message] = (await trigger(client, workflowId, { message, ...input })).id;
    clock.advance(1_000);
  };
  const runner = await startProtocolRunner(server);
  await add("succeeded", flows.one);
  await runner.workOff();
  await add("running", flows.one, { labels: { team: "core", env: "prod" } });
  await runner.start(await runner.claimOne());
  noon = clock.now();
  await add("labelled", flows.one, { labels: { team: "core", env: "test" } });
  await add("branch", flows.one, { branch: "feature", commit: COMMIT });
  await add("other flow", flows.two, { branch: "main", commit: COMMIT.replace("abcdef01", "abcdef02") });
  await add("far away", flows.far, { labels: { team: "core" } });
  const service = await makeToken(server, {
    username: "ci",
    type: "SERVICE",
    member: { project: "default", role: "PROJECT_SUPERUSER" },
  });
  const answer = await server.post(
    {
      query: `mutation ($input: TriggerWorkflowRunInput!) { triggerWorkflowRun(input: $input) { workflowRun { id } } }`,
      variables: { input: { workflowId: flows.two, message: "by a program" } },
    },
    { token: service },
  );
  ids["by a program"] = answer.body.data.triggerWorkflowRun.workflowRun.id;
});
afterAll(async () => await server[Symbol.asyncDispose]());

async function found(filter: object | null, projectId: string | null = "default", token = server.adminToken) {
  const { body } = await server.post({ query: QUERY, variables: { filter, projectId } }, { token });
  expect(body.errors ?? []).toEqual([]);
  const { nodes, totalCount } = body.data.workflowRuns;
  expect(totalCount).toEqual({ value: nodes.length, exact: true });
  return nodes.map(({ message }: { message: string }) => message);
}

const ALL = ["succeeded", "running", "labelled", "branch", "other flow", "by a program"];

function label(key: string, op: string, ...values: string[]) {
  return { key, op, values };
}

describe("a filter of runs", () => {
  const cases: readonly [what: string, filter: () => object | null, messages: readonly string[]][] = [
    ["nothing", () => null, ALL],
    ["no condition", () => ({}), ALL],
    ["nulls only", () => ({ ids: null, status: null, labels: null, created: null }), ALL],
    ["ids", () => ({ ids: [ids["branch"], ids["succeeded"]] }), ["succeeded", "branch"]],
    [
      "ids of which some are unknown, foreign or none",
      () => ({ ids: ["run_x", ids["far away"], flows.one, "", ids["branch"]] }),
      ["branch"],
    ],
    ["no ids", () => ({ ids: [] }), []],
    ["workflows", () => ({ workflowIds: [flows.two, "wf_x"] }), ["other flow", "by a program"]],
    ["a foreign workflow", () => ({ workflowIds: [flows.far] }), []],
    ["a status", () => ({ status: ["SUCCEEDED"] }), ["succeeded"]],
    ["statuses", () => ({ status: ["SUCCEEDED", "RUNNING", "PAUSED"] }), ["succeeded", "running"]],
    ["no status", () => ({ status: [] }), []],
    ["a cause", () => ({ trigger: ["API"] }), ["by a program"]],
    ["no cause", () => ({ trigger: [] }), []],
    ["a branch", () => ({ branch: "feature" }), ["branch"]],
    ["a commit's start", () => ({ commit: "abcdef0" }), ["branch", "other flow"]],
    ["a whole commit", () => ({ commit: COMMIT }), ["branch"]],
    ["a label", () => ({ labels: [{ key: "team", values: ["core"] }] }), ["running", "labelled"]],
    [
      "labels, all of them",
      () => ({ labels: [label("team", "EQ", "core"), label("env", "EQ", "test")] }),
      ["labelled"],
    ],
    ["a label's other value", () => ({ labels: [label("team", "EQ", "cor")] }), []],
    [
      "one of several values",
      () => ({ labels: [label("env", "IN", "test", "prod")] }),
      ["running", "labelled"],
    ],
    [
      "none of the values",
      () => ({ labels: [label("env", "NOT_IN", "test")] }),
      ALL.filter((name) => name !== "labelled"),
    ],
    ["a label that is there", () => ({ labels: [label("env", "EXISTS")] }), ["running", "labelled"]],
    [
      "a label that is missing",
      () => ({ labels: [label("team", "NOT_EXISTS")] }),
      ["succeeded", "branch", "other flow", "by a program"],
    ],
    [
      "a span",
      () => ({ created: { gte: noon.toISOString() } }),
      ["labelled", "branch", "other flow", "by a program"],
    ],
    ["a span's end", () => ({ created: { lt: noon.toISOString() } }), ["succeeded", "running"]],
    ["an empty span", () => ({ created: { gte: noon.toISOString(), lt: noon.toISOString() } }), []],
    [
      "a span of centuries",
      () => ({ created: { gte: "0001-01-01T00:00:00Z", lt: "9999-12-31T23:59:59Z" } }),
      ALL,
    ],
    [
      "conditions, which all must hold",
      () => ({ branch: "feature", workflowIds: [flows.one], status: ["QUEUED"] }),
      ["branch"],
    ],
    ["conditions of which one does not hold", () => ({ branch: "feature", workflowIds: [flows.two] }), []],
  ];
  it.each(cases)("by %s", async (_what, filter, messages) => {
    expect(await found(filter())).toEqual(messages);
  });

  it.each([
    ["a short commit", { commit: "abcdef" }],
    ["a commit that is none", { commit: "ABCDEF0" }],
    ["a label that equals two values", { labels: [{ key: "a", op: "EQ", values: ["b", "c"] }] }],
    ["a label that exists with a value", { labels: [{ key: "a", op: "EXISTS", values: ["b"] }] }],
    ["21 labels", { labels: Array(21).fill({ key: "a", op: "EXISTS" }) }],
    ["251 ids", { ids: Array(251).fill("run_x") }],
    ["251 workflows", { workflowIds: Array(251).fill("wf_x") }],
    ["251 statuses", { status: Array(251).fill("FAILED") }],
    ["251 causes", { trigger: Array(251).fill("API") }],
  ])("by %s is refused", async (_what, filter) => {
    const { body } = await server.post({ query: QUERY, variables: { filter, projectId: "default" } });
    expect(body.data ?? null).toBeNull();
    expect(body.errors[0].extensions.code).toBe("BAD_USER_INPUT");
  });
});

describe("the runs of no project in particular", () => {
  it("are those of all projects that the viewer may read", async () => {
    const everything = [...ALL.slice(0, 5), "far away", "by a program"];
    expect(await found(null, null)).toEqual(everything);
    expect(await found({ labels: [label("team", "EQ", "core")] }, null)).toEqual([
      "running",
      "labelled",
      "far away",
    ]);
    expect(await found(null, null, await server.tokenWith("far", "PROJECT_USER"))).toEqual(["far away"]);
    expect(await found(null, null, await makeToken(server, { username: "nobody" }))).toEqual([]);
    const limited = await makeToken(server, { username: "limited", systemAdmin: true, onlyProject: "far" });
    expect(await found(null, null, limited)).toEqual(["far away"]);
    expect(await found({ ids: Object.values(ids) }, null, limited)).toEqual(["far away"]);
  });
});

describe("a total", () => {
  it("is exact to 10,000, and says so beyond", async () => {
    const copy = async (from: number, to: number) =>
      await server.database.query(
        `insert into workflow_run select (jsonb_populate_record(r, jsonb_build_object('id', gen_random_uuid(), 'number', i))).*
          from workflow_run r, generate_series($2::integer, $3::integer) i where r.message = $1 and r.number = 1`,
        ["far away", from, to],
      );
    const total = async () =>
      (
        await server.post({
          query: `{ workflowRuns(projectId: "far", first: 0) { totalCount { value exact } } }`,
        })
      ).body.data.workflowRuns.totalCount;
    await copy(2, 10_000);
    expect(await total()).toEqual({ value: 10_000, exact: true });
    await copy(10_001, 10_001);
    expect(await total()).toEqual({ value: 10_000, exact: false });
  });
});
