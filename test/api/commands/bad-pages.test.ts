import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ManualClock } from "../../support/manual-clock.ts";
import { startTestServer, type TestServer } from "../../support/server.ts";
import { deploy, trigger } from "../../support/workflows.ts";
import { expectNothingWritten } from "../tables.ts";
import { carriedOut, PLAIN } from "./commands.ts";

const clock = new ManualClock();
let server: TestServer;
/** Ids of what has pages of its own. */
let run: string;
let operation: string;
beforeAll(async () => {
  server = await startTestServer({ clock, runDuties: false });
  const workflow = await deploy(server.admin, PLAIN("pages"));
  const runs = [];
  for (let i = 0; i < 3; i++) {
    runs.push(await trigger(server.admin, workflow));
    clock.advance(1);
  }
  run = runs[0]!.id;
  for (let i = 0; i < 3; i++) {
    const input = { runs: { ids: runs.map(({ id }) => id) }, labels: { n: `${i}` } };
    operation = (await carriedOut(server, "setWorkflowRunsLabels", input)).operation.id;
    clock.advance(1);
  }
});
afterAll(async () => await server[Symbol.asyncDispose]());

interface List {
  /** A page, by its arguments. */
  readonly page: (args: string) => string;
  readonly backward: boolean;
  readonly most: number;
  /** The same list under another filter or in another order. */
  readonly other?: string;
}
const PAGE = "nodes { __typename } edges { cursor } pageInfo { hasNextPage endCursor } totalCount { value }";
const LISTS: Readonly<Record<string, List>> = {
  workflowRuns: {
    page: (args) => `{ workflowRuns(${args}) { ${PAGE} } }`,
    backward: true,
    most: 100,
    other: "orderBy: { direction: ASC }",
  },
  "workflowRuns by filter": {
    page: (args) => `{ workflowRuns(${args}) { ${PAGE} } }`,
    backward: true,
    most: 100,
    other: `filter: { search: "page" }`,
  },
  stepRuns: {
    page: (args) => `{ stepRuns(${args}) { ${PAGE} } }`,
    backward: true,
    most: 100,
    other: `filter: { stepRef: "x" }`,
  },
  approvals: {
    page: (args) => `{ approvals(${args}) { ${PAGE} } }`,
    backward: true,
    most: 100,
    other: "filter: { mine: true }",
  },
  bulkOperations: { page: (args) => `{ bulkOperations(${args}) { ${PAGE} } }`, backward: false, most: 100 },
  "items of a bulk operation": {
    page: (args) => `{ bulkOperation(id: "${operation}") { items(${args}) { ${PAGE} } } }`,
    backward: false,
    most: 100,
  },
  "steps of a run": {
    page: (args) => `{ workflowRun(id: "${run}") { stepRuns(${args}) { ${PAGE} } } }`,
    backward: false,
    most: 1_000,
  },
};

// biome-ignore lint/suspicious/noExplicitAny: a page of any list
function pageOf(body: any): any {
  const [root] = Object.values(body.data) as [Record<string, unknown>];
  return root["nodes"] === undefined ? Object.values(root)[0] : root;
}

// biome-ignore lint/suspicious/noExplicitAny: a page of any list
async function page(list: List, args: string): Promise<any> {
  const { body } = await server.post({ query: list.page(args) });
  expect(body.errors ?? []).toEqual([]);
  return pageOf(body);
}

async function refused(list: List, args: string): Promise<string> {
  const { body } = await expectNothingWritten(
    server.database,
    async () => await server.post({ query: list.page(args) }),
  );
  expect([args, body.errors?.length]).toEqual([args, 1]);
  return body.errors[0].extensions.code;
}

describe.each(Object.entries(LISTS))("a page of %s", (_name, list) => {
  it("has at least nothing, at most so many, and one direction", async () => {
    const wrong = ["first: -1", `first: ${list.most + 1}`, "first: 10000", "first: 2147483647"];
    if (list.backward) wrong.push("last: -1", "last: 10000", "first: 1, last: 1", "first: 1, offset: 10001");
    for (const args of wrong) expect([args, await refused(list, args)]).toEqual([args, "BAD_USER_INPUT"]);
    expect((await page(list, `first: ${list.most}`)).nodes.length).toBeGreaterThan(2);
  });

  it("of none is empty, and says that there is more", async () => {
    const none = await page(list, "first: 0");
    expect(none).toMatchObject({ nodes: [], edges: [], pageInfo: { hasNextPage: true, endCursor: null } });
    expect(none.totalCount.value).toBeGreaterThan(2);
  });

  it("goes on from a cursor of the same list only", async () => {
    const { edges } = await page(list, "first: 1");
    const { cursor } = edges[0];
    const next = await page(list, `first: 100, after: "${cursor}"`);
    expect(next.nodes.length).toBe((await page(list, "first: 100")).nodes.length - 1);
    const others = Object.values(LISTS).filter((each) => each.page("") !== list.page(""));
    const foreign = await Promise.all(
      others.map(async (each) => (await page(each, "first: 1")).edges[0].cursor),
    );
    const cursors = [...foreign, "", "nonsense", "WyJhIl0", cursor.slice(0, -4), "\\u0000"];
    for (const after of cursors) {
      expect([after, await refused(list, `after: "${after}"`)]).toEqual([after, "INVALID_CURSOR"]);
    }
    if (list.other === undefined) return;
    expect(await refused(list, `after: "${cursor}", ${list.other}`)).toBe("INVALID_CURSOR");
  });
});

describe("a page of events", () => {
  const events = (args: string): List => ({
    page: () => `{ workflowRun(id: "${run}") { events(${args}) { seq cursor } } }`,
    backward: false,
    most: 1_000,
  });

  it("has at most 1,000, and a cursor of its own run", async () => {
    for (const args of ["first: -1", "first: 1001"]) {
      expect(await refused(events(args), args)).toBe("BAD_USER_INPUT");
    }
    expect(await refused(events(`after: "nonsense"`), "nonsense")).toBe("INVALID_CURSOR");
    const { body } = await server.post({ query: events("first: 0").page("") });
    expect(body.data.workflowRun.events).toEqual([]);
  });
});
