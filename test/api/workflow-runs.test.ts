import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ManualClock } from "../support/manual-clock.ts";
import { startTestServer, type TestServer } from "../support/server.ts";
import { deploy, trigger } from "../support/workflows.ts";
import { expectNothingWritten } from "./tables.ts";

const FLOW = (name: string) => `name: ${name}\nstages: [{ name: a, steps: [{ ref: x, run: "true" }] }]\n`;
const QUERY = `query ($projectId: ID, $filter: WorkflowRunFilter, $orderBy: WorkflowRunOrder, $first: Int, $after: String,
  $last: Int, $before: String, $offset: Int) {
  workflowRuns(projectId: $projectId, filter: $filter, orderBy: $orderBy, first: $first, after: $after, last: $last,
    before: $before, offset: $offset) {
    edges { cursor node { number } } nodes { number } totalCount { value exact }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }`;
const COUNT = 25;
const parity = (value: string) => ({ labels: [{ key: "parity", values: [value] }] });

const clock = new ManualClock();
let server: TestServer;
/** Numbers of the runs. Where several were made in the same millisecond their ids decide. */
let newestFirst: number[];
beforeAll(async () => {
  server = await startTestServer({ clock, runDuties: false });
  for (const project of ["paging", "growing"]) await server.tokenWith(project, "PROJECT_USER");
  const workflowId = await deploy(server.admin, FLOW("paged"), "paging");
  for (let number = 1; number <= COUNT; number++) {
    await trigger(server.admin, workflowId, { labels: { parity: number % 2 === 0 ? "even" : "odd" } });
    if (number % 3 === 0) clock.advance(1);
  }
  const rows = await server.database.query<{ number: number }>(
    "select number from workflow_run order by created_at desc, id desc",
  );
  newestFirst = rows.map(({ number }) => number);
});
afterAll(async () => await server[Symbol.asyncDispose]());

interface Page {
  readonly numbers: number[];
  readonly cursors: string[];
  readonly pageInfo: {
    hasNextPage: boolean;
    hasPreviousPage: boolean;
    startCursor: string | null;
    endCursor: string | null;
  };
  readonly totalCount: { value: number; exact: boolean };
}

async function page(variables: object): Promise<Page> {
  const { body } = await server.post({ query: QUERY, variables: { projectId: "paging", ...variables } });
  expect(body.errors ?? []).toEqual([]);
  const { edges, nodes, pageInfo, totalCount } = body.data.workflowRuns;
  const numbers = edges.map(({ node }: { node: { number: number } }) => node.number);
  const cursors = edges.map(({ cursor }: { cursor: string }) => cursor);
  expect(nodes.map(({ number }: { number: number }) => number)).toEqual(numbers);
  expect(pageInfo).toMatchObject({ startCursor: cursors[0] ?? null, endCursor: cursors.at(-1) ?? null });
  return { numbers, cursors, pageInfo, totalCount };
}

async function refused(variables: object): Promise<string> {
  const request = { query: QUERY, variables: { projectId: "paging", ...variables } };
  const { body } = await expectNothingWritten(server.database, async () => await server.post(request));
  expect(body.data ?? null).toBeNull();
  expect(body.errors).toHaveLength(1);
  return body.errors[0].extensions.code;
}

describe("a page of runs", () => {
  it("has the 20 newest first when nothing is asked for", async () => {
    const { numbers, pageInfo, totalCount } = await page({});
    expect(numbers).toEqual(newestFirst.slice(0, 20));
    expect(pageInfo).toMatchObject({ hasNextPage: true, hasPreviousPage: false });
    expect(totalCount).toEqual({ value: COUNT, exact: true });
  });

  it.each([1, 7, 12, 24, 25, 100])("of %i leads forward to every run once", async (first) => {
    const seen: number[] = [];
    for (let after: string | null = null, pages = 0; pages < COUNT + 1; pages++) {
      const { numbers, pageInfo } = await page({ first, after });
      expect(pageInfo.hasPreviousPage).toBe(after !== null);
      seen.push(...numbers);
      if (!pageInfo.hasNextPage) break;
      after = pageInfo.endCursor;
    }
    expect(seen).toEqual(newestFirst);
  });

  it.each([1, 7, 12, 24, 25, 100])(
    "of the last %i leads backward to every run once, each in forward order",
    async (last) => {
      const seen: number[] = [];
      for (let before: string | null = null, pages = 0; pages < COUNT + 1; pages++) {
        const { numbers, pageInfo } = await page({ last, before });
        expect(pageInfo.hasNextPage).toBe(before !== null);
        seen.unshift(...numbers);
        if (!pageInfo.hasPreviousPage) break;
        before = pageInfo.startCursor;
      }
      expect(seen).toEqual(newestFirst);
    },
  );

  it("goes both ways in the other order too", async () => {
    const orderBy = { direction: "ASC" };
    const oldest = await page({ first: 3, orderBy });
    expect(oldest.numbers).toEqual(newestFirst.slice(-3).reverse());
    const next = await page({ first: 3, after: oldest.pageInfo.endCursor, orderBy });
    expect(next.numbers).toEqual(newestFirst.slice(-6, -3).reverse());
    const back = await page({ last: 2, before: next.pageInfo.startCursor, orderBy });
    expect(back.numbers).toEqual(newestFirst.slice(-3, -1).reverse());
    expect(back.pageInfo).toMatchObject({ hasNextPage: true, hasPreviousPage: true });
  });

  it("of none is empty, and tells whether there are any", async () => {
    const none = await page({ first: 0 });
    expect(none).toMatchObject({ numbers: [], pageInfo: { hasNextPage: true, hasPreviousPage: false } });
    expect(none.totalCount.value).toBe(COUNT);
    expect(await page({ last: 0 })).toMatchObject({
      numbers: [],
      pageInfo: { hasNextPage: false, hasPreviousPage: true },
    });
    expect(await page({ first: 0, filter: { ids: [] } })).toMatchObject({
      numbers: [],
      pageInfo: { hasNextPage: false, hasPreviousPage: false },
      totalCount: { value: 0, exact: true },
    });
  });

  it("may be found by its offset", async () => {
    expect((await page({ first: 5, offset: 10 })).numbers).toEqual(newestFirst.slice(10, 15));
    expect((await page({ first: 5, offset: 10 })).pageInfo).toMatchObject({
      hasNextPage: true,
      hasPreviousPage: true,
    });
    expect((await page({ first: 5, offset: 10_000 })).numbers).toEqual([]);
    const { pageInfo } = await page({ first: 5, offset: 10 });
    expect((await page({ first: 5, after: pageInfo.endCursor })).numbers).toEqual(newestFirst.slice(15, 20));
  });

  it.each([
    ["first -1", { first: -1 }],
    ["first 101", { first: 101 }],
    ["last -1", { last: -1 }],
    ["last 101", { last: 101 }],
    ["first with last", { first: 1, last: 1 }],
    ["offset -1", { offset: -1 }],
    ["offset 10,001", { offset: 10_001 }],
    ["offset with last", { offset: 1, last: 1 }],
  ])("with %s is refused", async (_what, variables) => {
    expect(await refused(variables)).toBe("BAD_USER_INPUT");
  });

  it("with cursors that contradict its direction is refused", async () => {
    const { cursors } = await page({ first: 2 });
    for (const variables of [
      { first: 1, before: cursors[0] },
      { last: 1, after: cursors[0] },
      { first: 1, after: cursors[0], before: cursors[1] },
      { first: 1, offset: 1, after: cursors[0] },
    ]) {
      expect(await refused(variables)).toBe("BAD_USER_INPUT");
    }
  });
});

describe("a cursor", () => {
  it("belongs to its filter, its order and its project", async () => {
    const odd = parity("odd");
    const after = (await page({ first: 1, filter: odd })).cursors[0]!;
    const others = [
      {},
      { filter: parity("even") },
      { filter: { ...odd, status: ["QUEUED"] } },
      { filter: odd, orderBy: { direction: "ASC" } },
      { filter: odd, projectId: "default" },
    ];
    for (const other of others) expect(await refused({ first: 1, after, ...other })).toBe("INVALID_CURSOR");
    const oddNumbers = newestFirst.filter((number) => number % 2 === 1);
    expect((await page({ first: 1, after, filter: odd })).numbers).toEqual([oddNumbers[1]]);
  });

  it("that nobody gave out is refused", async () => {
    const real = (await page({ first: 1 })).cursors[0]!;
    const [list] = JSON.parse(Buffer.from(real, "base64url").toString());
    const key = "00000000-0000-0000-0000-000000000000";
    const forged = [
      [list],
      [list, 1],
      [list, 1, "x"],
      [list, "x", key],
      [list, null, key],
      [list, -1e15, key],
      [list, 1e300, key],
      [list, 1.5e18, key],
      {},
      5,
    ];
    const texts = [
      "",
      "x",
      "%%%",
      real.slice(0, -3),
      ...forged.map((parts) => Buffer.from(JSON.stringify(parts)).toString("base64url")),
    ];
    for (const after of texts)
      expect([after, await refused({ first: 1, after })]).toEqual([after, "INVALID_CURSOR"]);
    for (const before of texts)
      expect([before, await refused({ last: 1, before })]).toEqual([before, "INVALID_CURSOR"]);
  });
});

describe("a list that grows while it is read", () => {
  it("neither repeats nor loses a run that was there before", async () => {
    const id = await deploy(server.admin, FLOW("growing"), "growing");
    const add = async () => {
      clock.advance(1);
      await trigger(server.admin, id);
    };
    for (let i = 0; i < 6; i++) await add();
    const seen: number[] = [];
    let after: string | null = null;
    for (;;) {
      const { numbers, pageInfo } = await page({ projectId: "growing", first: 2, after });
      seen.push(...numbers);
      await add();
      if (!pageInfo.hasNextPage) break;
      after = pageInfo.endCursor;
    }
    expect(seen).toEqual([6, 5, 4, 3, 2, 1]);
    expect((await page({ projectId: "growing", first: 1 })).numbers).toEqual([9]);
  });
});
