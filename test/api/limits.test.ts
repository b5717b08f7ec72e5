import { request } from "node:http";
import { getIntrospectionQuery } from "graphql";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startProtocolRunner } from "../support/protocol-runner.ts";
import { startTestServer, type TestServer } from "../support/server.ts";
import { expectNothingWritten } from "./tables.ts";

const KIB = 1024;
const VIEWER = "{ viewer { systemAdmin } }";
const DEPLOY = `mutation ($input: DeployWorkflowInput!) { deployWorkflow(input: $input) { created userErrors { code message } } }`;
const REPORT = `mutation ($input: ReportTasksInput!) { reportTasks(input: $input) { results { result } } }`;
const SMALL = "name: padded\nstages: [{ name: a, steps: [{ ref: x, run: 'true' }] }]\n";

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer({ runDuties: false });
});
afterAll(async () => await server[Symbol.asyncDispose]());

/** The same request, made exactly that long by a variable that nobody reads. */
function padded(body: { query: string; variables?: object }, bytes: number): string {
  const text = (padding: string) => JSON.stringify({ ...body, extensions: { padding } });
  return text("x".repeat(bytes - text("").length));
}

function deployment(sourceBytes: number) {
  const source = `${SMALL}# ${"x".repeat(sourceBytes - SMALL.length - 3)}\n`;
  return { query: DEPLOY, variables: { input: { projectId: "default", source } } };
}

async function refused(body: unknown, options = {}) {
  const answer = await expectNothingWritten(server.database, async () => await server.post(body, options));
  expect(answer.body.data ?? null).toBeNull();
  return { status: answer.status, code: answer.body.errors[0].extensions.code };
}

describe("the body of a request", () => {
  it("may have 256 KiB and not a byte more", async () => {
    expect(await server.post(padded({ query: VIEWER }, 256 * KIB))).toMatchObject({
      status: 200,
      body: { data: { viewer: { systemAdmin: true } } },
    });
    expect(await refused(padded({ query: VIEWER }, 256 * KIB + 1))).toEqual({
      status: 413,
      code: "PAYLOAD_TOO_LARGE",
    });
  });

  it("counts as it arrives, also when its length was not announced", async () => {
    const answer = await expectNothingWritten(
      server.database,
      async () => await postChunked(padded({ query: VIEWER }, 256 * KIB + 1)),
    );
    expect(answer).toEqual({ status: 413, code: "PAYLOAD_TOO_LARGE" });
  });

  it("may have 4 MiB for a deployment and a report", async () => {
    const deployed = await server.post(padded(deployment(SMALL.length + 10), 4 * KIB * KIB));
    expect(deployed.body.data.deployWorkflow).toEqual({ created: true, userErrors: [] });
    const runner = await startProtocolRunner(server);
    const report = { query: REPORT, variables: { input: { session: runner.session, reports: [] } } };
    const reported = await server.post(padded(report, 4 * KIB * KIB), { token: runner.token });
    expect(reported.body.data).toEqual({ reportTasks: { results: [] } });
    expect(await refused(padded(deployment(300), 4 * KIB * KIB + 1))).toEqual({
      status: 413,
      code: "PAYLOAD_TOO_LARGE",
    });
  });

  it("may not be large because of a deployment that stands beside something else", async () => {
    const query = DEPLOY.replace(
      "{ deployWorkflow",
      `{ cancelWorkflowRun(input: { workflowRunId: "run_x" }) { clientMutationId } deployWorkflow`,
    );
    const body = { ...deployment(300), query };
    expect(await refused(padded(body, 256 * KIB + 1))).toEqual({ status: 413, code: "PAYLOAD_TOO_LARGE" });
  });
});

/** Queries at a limit and right behind it. */
const DOCUMENTS: readonly [what: string, at: string, behind: string][] = [
  ["12 levels", chain(12), chain(13)],
  ["12 levels in fragments", fragmentChain(12), fragmentChain(13)],
  ["15 aliases", aliases(15), aliases(16)],
  ["10 root fields", roots(10), roots(11)],
  ["10 root fields in fragments", fragmentRoots(10), fragmentRoots(11)],
  ["5 directives", directives(5), directives(6)],
];

describe("a document", () => {
  it.each(DOCUMENTS)("may have %s and not one more", async (_what, at, behind) => {
    expect((await server.post({ query: at })).body.errors ?? []).toEqual([]);
    expect(await refused({ query: behind })).toEqual({ status: 400, code: "QUERY_TOO_COMPLEX" });
  });

  it("may have 1,000 tokens and not one more", async () => {
    const query = (tokens: number) => {
      const listed = (value: string, count: number) => `[${`${value} `.repeat(count)}]`;
      const filter = `status: ${listed("FAILED", 240)} ids: ${listed('"x"', 240)} workflowIds: ${listed('"x"', 240)}`;
      // All but the entries of the lists are 31 tokens.
      const others = tokens - 3 * 240 - 31;
      return `{ workflowRuns(filter: { ${filter} trigger: ${listed("API", others)} }) { nodes { id } } }`;
    };
    expect((await server.post({ query: query(1_000) })).body.data).toEqual({ workflowRuns: { nodes: [] } });
    expect(await refused({ query: query(1_001) })).toEqual({ status: 400, code: "GRAPHQL_PARSE_FAILED" });
  });

  it("may not blow up through fragments that spread each other", async () => {
    const levels = Array.from(
      { length: 18 },
      (_, i) => `fragment F${i} on Viewer { ...F${i + 1} ...F${i + 1} }`,
    );
    const query = `{ viewer { ...F0 } } ${levels.join(" ")} fragment F18 on Viewer { systemAdmin }`;
    expect(await refused({ query })).toEqual({ status: 400, code: "QUERY_TOO_COMPLEX" });
  });

  it("of tools, which ask for the whole schema, is let through", async () => {
    const answer = await server.post({ query: getIntrospectionQuery() });
    expect(answer.body.errors ?? []).toEqual([]);
    expect(answer.body.data.__schema.types.length).toBeGreaterThan(50);
  });
});

describe("the cost of a query", () => {
  const costOf = async (query: string, variables = {}) => {
    const { body } = await server.post({ query, variables });
    expect(body.errors ?? []).toEqual([]);
    return body.extensions.cost as number;
  };

  it("grows with the page and with what every entry costs", async () => {
    const page = "query ($n: Int) { workflowRuns(first: $n) { nodes { id createdBy { name } } } }";
    const [ten, hundred] = [await costOf(page, { n: 10 }), await costOf(page, { n: 100 })];
    expect(hundred).toBeGreaterThan(9 * ten);
    const deeper =
      "{ workflowRuns(first: 10) { nodes { id createdBy { name } stageRuns { stepRuns { id } } } } }";
    expect(await costOf(deeper)).toBeGreaterThan(5 * ten);
    const events = await costOf("{ workflowRuns(first: 10) { nodes { events(first: 500) { seq } } } }");
    expect(events).toBeGreaterThanOrEqual(10 * 500);
    const ids = Array(50).fill("run_unknown");
    expect(await costOf("query ($ids: [ID!]!) { nodes(ids: $ids) { id } }", { ids })).toBeGreaterThanOrEqual(
      50,
    );
  });

  it("takes a page whose size is not named for what it is: 20", async () => {
    const page = (args: string) => `{ workflowRuns${args} { nodes { id createdBy { name } } } }`;
    expect(await costOf(page(""))).toBe(await costOf(page("(first: 20)")));
    expect(await costOf(page("(first: 10)"))).toBeLessThan(await costOf(page("")));
    expect(await costOf("{ projects { nodes { workflows { nodes { id } } } } }")).toBeGreaterThan(
      20 * 20 - 1,
    );
  });

  it("must not exceed the budget of 10,000", async () => {
    const query =
      "{ projects(first: 100) { nodes { workflows(first: 100) { nodes { latestVersion { createdBy { name } } } } } } }";
    expect(await refused({ query })).toEqual({ status: 400, code: "QUERY_TOO_COMPLEX" });
    const withVariable = query.replace("{ projects(first: 100)", "query ($n: Int!) { projects(first: $n)");
    expect(await refused({ query: withVariable, variables: { n: 100 } })).toMatchObject({
      code: "QUERY_TOO_COMPLEX",
    });
    expect(await costOf(withVariable, { n: 10 })).toBeLessThanOrEqual(10_000);
  });

  it("cannot be hidden in fragments", async () => {
    const inner = "... on Project { workflows(first: 100) { nodes { ...Flow } } }";
    const query = `{ projects(first: 100) { nodes { ${inner} } } } fragment Flow on Workflow { latestVersion { createdBy { name } } }`;
    expect(await refused({ query })).toEqual({ status: 400, code: "QUERY_TOO_COMPLEX" });
  });
});

describe("an array", () => {
  it("may have 250 entries, or what its description says", async () => {
    const filtered = async (count: number) =>
      await server.post({
        query: "query ($ids: [ID!]) { workflowRuns(filter: { ids: $ids }) { nodes { id } } }",
        variables: { ids: Array(count).fill("run_unknown") },
      });
    expect((await filtered(250)).body.data).toEqual({ workflowRuns: { nodes: [] } });
    expect((await filtered(251)).body.errors[0].extensions.code).toBe("BAD_USER_INPUT");
  });
});

/** A body in chunks, without a content-length. */
async function postChunked(body: string): Promise<{ status: number; code: string }> {
  return await new Promise((resolve, reject) => {
    const headers = { "content-type": "application/json", authorization: `Bearer ${server.adminToken}` };
    const sent = request(`${server.url}/graphql`, { method: "POST", headers }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("end", () => {
        const answer = JSON.parse(Buffer.concat(chunks).toString());
        resolve({ status: response.statusCode ?? 0, code: answer.errors?.[0]?.extensions.code });
      });
    });
    sent.on("error", reject);
    for (let at = 0; at < body.length; at += 64 * KIB) sent.write(body.slice(at, at + 64 * KIB));
    sent.end();
  });
}

/** A query of that many levels: runs, their pages, and links that lead back and forth. */
function chain(levels: number): string {
  const path = ["workflowRuns(first: 1)", "nodes"];
  while (path.length < levels - 1) path.push(path.length % 2 === 0 ? "workflow" : "latestVersion");
  return `{ ${[...path, "id"].join(" { ")} ${"} ".repeat(levels)}`;
}

function fragmentChain(levels: number): string {
  const inner = chain(levels)
    .replace("{ workflowRuns(first: 1) { nodes { workflow {", "")
    .replace(/\} \} \} \} $/, "");
  return `{ workflowRuns(first: 1) { nodes { workflow { ...Rest } } } } fragment Rest on Workflow { ${inner} }`;
}

function aliases(count: number): string {
  const names = Array.from({ length: count }, (_, i) => `a${i}: systemAdmin`);
  return `{ viewer { ${names.join(" ")} } }`;
}

function roots(count: number): string {
  return `{ ${Array.from({ length: count }, (_, i) => rootField(i)).join(" ")} }`;
}

function fragmentRoots(count: number): string {
  return `{ ...Roots } fragment Roots on Query ${roots(count)}`;
}

function rootField(i: number): string {
  return `r${i}: viewer { systemAdmin }`;
}

function directives(count: number): string {
  const fields = Array.from({ length: count }, () => "systemAdmin @include(if: true)");
  return `{ viewer { ${fields.join(" ")} } }`;
}
