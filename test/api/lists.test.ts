import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { decodeId, encodeId } from "../../src/domain/ids.ts";
import { startTestServer, type TestServer } from "../support/server.ts";
import { deploy, type TriggeredRun, trigger } from "../support/workflows.ts";
import { expectNothingWritten } from "./tables.ts";

const FLOW = (name: string) => `name: ${name}
stages:
  - name: first
    steps: [${Array.from({ length: 30 }, (_, i) => `{ ref: s${i}, run: "true" }`).join(", ")}]
  - name: second
    steps: [{ ref: last, run: "true", needs: [s3] }]
`;
/** Out of order, and with names that sort otherwise by their letters than by their bytes. */
const NAMES = ["delta", "alpha-2", "alpha", "Beta", "alpha1", "charlie"];
const SORTED = [...NAMES].sort();

let server: TestServer;
let reader: string;
let run: TriggeredRun;
let far: TriggeredRun;
beforeAll(async () => {
  server = await startTestServer({ runDuties: false });
  reader = await server.tokenWith("near", "PROJECT_USER");
  for (const slug of ["far", "a", "z"]) await server.tokenWith(slug, "PROJECT_USER");
  for (const name of NAMES) await deploy(server.admin, FLOW(name), "near");
  const { workflow } = await data(`{ workflow(projectId: "near", name: "delta") { id } }`);
  run = await trigger(server.admin, workflow.id);
  far = await trigger(server.admin, await deploy(server.admin, FLOW("delta"), "far"));
});
afterAll(async () => await server[Symbol.asyncDispose]());

async function data(query: string, variables: object = {}, token = server.adminToken) {
  const { body } = await server.post({ query, variables }, { token });
  expect(body.errors ?? []).toEqual([]);
  return body.data;
}

async function code(query: string, variables: object = {}, token = server.adminToken): Promise<string> {
  const { body } = await expectNothingWritten(
    server.database,
    async () => await server.post({ query, variables }, { token }),
  );
  return body.errors?.[0]?.extensions.code;
}

const PAGE =
  "edges { cursor } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } totalCount { value exact }";

/** Lists that are read forward: where they stand, what names an entry, and all of it in order. */
const LISTS = [
  {
    list: "projects",
    label: "slug",
    query: `query ($first: Int, $after: String) { list: projects(first: $first, after: $after) { nodes { label: slug } ${PAGE} } }`,
    all: ["a", "default", "far", "near", "z"],
  },
  {
    list: "workflows",
    label: "name",
    query: `query ($first: Int, $after: String) { list: workflows(projectId: "near", first: $first, after: $after) { nodes { label: name } ${PAGE} } }`,
    all: SORTED,
  },
  {
    list: "Project.workflows",
    label: "name",
    query: `query ($first: Int, $after: String) { project(id: "near") { list: workflows(first: $first, after: $after) { nodes { label: name } ${PAGE} } } }`,
    all: SORTED,
  },
] as const;

describe.each(LISTS)("$list", ({ query, all }) => {
  const page = async (variables: object) => {
    const answer = await data(query, variables);
    const { nodes, edges, pageInfo, totalCount } = answer.list ?? answer.project.list;
    expect(totalCount).toEqual({ value: all.length, exact: true });
    const cursors = edges.map(({ cursor }: { cursor: string }) => cursor);
    expect(pageInfo).toMatchObject({ startCursor: cursors[0] ?? null, endCursor: cursors.at(-1) ?? null });
    return { labels: nodes.map(({ label }: { label: string }) => label) as string[], pageInfo };
  };

  it("can be paged through to every entry once, in order", async () => {
    for (const first of [1, 2, 3, 100]) {
      const seen: string[] = [];
      for (let after: string | null = null, pages = 0; pages <= all.length; pages++) {
        const { labels, pageInfo } = await page({ first, after });
        expect(pageInfo.hasPreviousPage).toBe(after !== null);
        seen.push(...labels);
        if (!pageInfo.hasNextPage) break;
        after = pageInfo.endCursor;
      }
      expect(seen).toEqual(all);
    }
    expect((await page({ first: 0 })).labels).toEqual([]);
  });

  it("refuses pages and cursors that are none", async () => {
    for (const first of [-1, 101]) expect(await code(query, { first })).toBe("BAD_USER_INPUT");
    const { pageInfo } = await page({ first: 1 });
    for (const after of ["", "a", pageInfo.endCursor.slice(0, -2), btoa('["x",1]')])
      expect([after, await code(query, { after })]).toEqual([after, "INVALID_CURSOR"]);
    for (const { query: other } of LISTS.filter((list) => list.query !== query && list.all !== all))
      expect(await code(other, { after: pageInfo.endCursor })).toBe("INVALID_CURSOR");
  });
});

describe("the steps of a run", () => {
  const query = `query ($id: ID!, $first: Int, $after: String) { workflowRun(id: $id) {
    stepRuns(first: $first, after: $after) { nodes { order stepRef stageRun { name } } ${PAGE} } } }`;
  const page = async (variables: object) =>
    (await data(query, { id: run.id, ...variables })).workflowRun.stepRuns;

  it("are paged in the order of the file, up to 1,000 at once", async () => {
    expect((await page({})).nodes).toHaveLength(20);
    const all = await page({ first: 1_000 });
    expect(all.nodes.map(({ order }: { order: number }) => order)).toEqual(
      Array.from({ length: 31 }, (_, i) => i),
    );
    expect(all.nodes.at(-1)).toEqual({ order: 30, stepRef: "last", stageRun: { name: "second" } });
    expect(all.totalCount).toEqual({ value: 31, exact: true });
    const second = await page({ first: 29, after: all.edges[1].cursor });
    expect(second.nodes.map(({ order }: { order: number }) => order)).toEqual(
      Array.from({ length: 29 }, (_, i) => i + 2),
    );
    expect(second.pageInfo).toMatchObject({ hasNextPage: false, hasPreviousPage: true });
  });

  it("refuse pages and cursors that are none", async () => {
    for (const first of [-1, 1_001]) expect(await code(query, { id: run.id, first })).toBe("BAD_USER_INPUT");
    const { pageInfo } = await page({ first: 1 });
    const [list] = JSON.parse(Buffer.from(pageInfo.endCursor, "base64url").toString());
    const forged = [["x"], [list], [list, "x"], [list, -1], [list, 0.5], [list, 1e12]].map((parts) =>
      Buffer.from(JSON.stringify(parts)).toString("base64url"),
    );
    for (const after of forged)
      expect([after, await code(query, { id: run.id, after })]).toEqual([after, "INVALID_CURSOR"]);
    expect(await code(query, { id: far.id, after: pageInfo.endCursor })).toBe("INVALID_CURSOR");
  });
});

describe("node and nodes", () => {
  const NODES = `query ($ids: [ID!]!) { nodes(ids: $ids) { __typename id } }`;
  const NODE = "query ($id: ID!) { node(id: $id) { __typename id } }";

  it("give every type of object by its id, in the order of the ids", async () => {
    const { workflowRun } = await data(
      `query ($id: ID!) { workflowRun(id: $id) { id workflowVersionId project { id } workflow { id }
        stageRuns { id } stepRuns(first: 1) { nodes { id } } } }`,
      { id: run.id },
    );
    const ids = [
      workflowRun.id,
      workflowRun.workflow.id,
      workflowRun.stageRuns[1].id,
      workflowRun.stepRuns.nodes[0].id,
      workflowRun.project.id,
      workflowRun.workflowVersionId,
      workflowRun.id,
    ];
    const types = [
      "WorkflowRun",
      "Workflow",
      "StageRun",
      "StepRun",
      "Project",
      "WorkflowVersion",
      "WorkflowRun",
    ];
    const expected = ids.map((id, i) => ({ __typename: types[i], id }));
    expect((await data(NODES, { ids }, reader)).nodes).toEqual(expected);
    for (const node of expected) expect((await data(NODE, { id: node.id }, reader)).node).toEqual(node);
  });

  it("give null, the same null, for everything else", async () => {
    const unknown = "00000000-0000-7000-8000-00000000abcd";
    const [ownKey, foreignKey] = [decodeId(run.id)!.uuid, decodeId(far.id)!.uuid];
    const nowhere = [
      far.id,
      far.steps["last"],
      encodeId("StageRun", foreignKey, 0),
      encodeId("StepAttempt", foreignKey, 0, 1),
      encodeId("WorkflowRun", unknown),
      encodeId("Workflow", unknown),
      encodeId("WorkflowVersion", unknown),
      encodeId("Project", unknown),
      encodeId("StepRun", unknown, 0),
      encodeId("Account", unknown),
      encodeId("Runner", unknown),
      run.id.replace("run_", "wf_"),
      run.id.replace("run_", "step_"),
      run.id.toUpperCase(),
      `${run.id}0`,
      run.id.slice(0, -1),
      `${run.steps["s0"]}0000000`,
      encodeId("StepRun", ownKey, 31),
      encodeId("StepRun", ownKey, 2 ** 32 - 1),
      encodeId("StepRun", ownKey),
      encodeId("StageRun", ownKey, 2),
      encodeId("StepAttempt", ownKey, 0, 1),
      "run_",
      "_",
      "",
      "run",
      "x".repeat(10_000),
      foreignKey,
    ];
    expect((await data(NODES, { ids: nowhere }, reader)).nodes).toEqual(nowhere.map(() => null));
    for (const id of nowhere) expect(await data(NODE, { id }, reader)).toEqual({ node: null });
    const mixed = [nowhere[0], run.id, nowhere[4], run.id];
    expect(
      (await data(NODES, { ids: mixed }, reader)).nodes.map((node: object | null) => node !== null),
    ).toEqual([false, true, false, true]);
  });

  it("take at most 100 ids", async () => {
    expect((await data(NODES, { ids: Array(100).fill(run.id) })).nodes).toHaveLength(100);
    expect(await code(NODES, { ids: Array(101).fill(run.id) })).toBe("BAD_USER_INPUT");
    expect((await data(NODES, { ids: [] })).nodes).toEqual([]);
  });
});

describe("workflow", () => {
  const query =
    "query ($id: ID, $projectId: ID, $name: String) { workflow(id: $id, projectId: $projectId, name: $name) { id name } }";

  it("is found by its id, or by its project and name", async () => {
    const { workflow } = await data(query, { projectId: "near", name: "alpha" }, reader);
    expect(await data(query, { id: workflow.id }, reader)).toEqual({ workflow });
  });

  it("is refused without one of the two, and with both", async () => {
    for (const variables of [
      {},
      { projectId: "near" },
      { name: "alpha" },
      { id: "wf_x", name: "alpha" },
      { id: "wf_x", projectId: "near", name: "alpha" },
    ])
      expect(await code(query, variables)).toBe("BAD_USER_INPUT");
  });

  it("is not found by another name, in another project, or by something else's id", async () => {
    for (const variables of [
      { projectId: "near", name: "Alpha" },
      { projectId: "far", name: "delta" },
      { projectId: "nowhere", name: "delta" },
      { id: run.id },
    ])
      expect(await code(query, variables, reader)).toBe("NOT_FOUND");
  });
});
