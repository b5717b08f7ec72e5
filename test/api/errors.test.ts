import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type PostAnswer, startTestServer, type TestServer } from "../support/server.ts";
import { expectNothingWritten } from "./tables.ts";

const DEPLOY = `mutation ($input: DeployWorkflowInput!) { deployWorkflow(input: $input) { created } }`;
const SOURCE = "name: refused\nstages: [{ name: a, steps: [{ ref: x, run: 'true' }] }]\n";

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer({ runDuties: false });
});
afterAll(async () => await server[Symbol.asyncDispose]());

const deployment = (input: object) => ({ query: DEPLOY, variables: { input } });

/** Requests that no handler should ever see, with the status and the code that name their fault. */
const FAULTY: readonly [what: string, body: unknown, status: number, code: string][] = [
  ["malformed JSON", '{"query": "{ viewer { systemAdmin } }"', 400, "BAD_REQUEST"],
  ["a body that is no object", '"{ viewer { systemAdmin } }"', 400, "BAD_REQUEST"],
  ["an empty body", "", 400, "BAD_REQUEST"],
  ["no query", {}, 400, "BAD_REQUEST"],
  ["a query that is no text", { query: 5 }, 400, "BAD_REQUEST"],
  [
    "variables that are no object",
    { query: "{ viewer { systemAdmin } }", variables: "x" },
    400,
    "BAD_REQUEST",
  ],
  ["a syntax error", { query: "{ viewer { " }, 400, "GRAPHQL_PARSE_FAILED"],
  ["an unknown field", { query: "{ viewer { password } }" }, 400, "GRAPHQL_VALIDATION_FAILED"],
  ["an unknown root field", { query: "mutation { dropEverything }" }, 400, "GRAPHQL_VALIDATION_FAILED"],
  ["an unknown argument", { query: "{ viewer(id: 1) { systemAdmin } }" }, 400, "GRAPHQL_VALIDATION_FAILED"],
  ["a missing argument", { query: "{ workflowRun { id } }" }, 400, "GRAPHQL_VALIDATION_FAILED"],
  [
    "a literal of a wrong type",
    { query: "{ workflows(first: true) { nodes { id } } }" },
    400,
    "GRAPHQL_VALIDATION_FAILED",
  ],
  ["a missing variable", { query: DEPLOY }, 400, "BAD_USER_INPUT"],
  ["a missing input field", deployment({ projectId: "default" }), 400, "BAD_USER_INPUT"],
  [
    "an unknown input field",
    deployment({ projectId: "default", source: SOURCE, force: true }),
    400,
    "BAD_USER_INPUT",
  ],
  ["an input field of a wrong type", deployment({ projectId: "default", source: 5 }), 400, "BAD_USER_INPUT"],
  [
    "an operation that is not there",
    { query: "query A { viewer { systemAdmin } }", operationName: "B" },
    400,
    "OPERATION_RESOLUTION_FAILURE",
  ],
  [
    "several operations and no name",
    { query: "query A { projects { nodes { id } } } query B { viewer { systemAdmin } }" },
    400,
    "OPERATION_RESOLUTION_FAILURE",
  ],
  ["a batch", [deployment({ projectId: "default", source: SOURCE })], 400, "BAD_REQUEST"],
  [
    "a subscription",
    { query: `subscription { runEvents(workflowRunId: "run_x", after: { at: START }) { cursor } }` },
    400,
    "BAD_REQUEST",
  ],
];

describe("a faulty request", () => {
  it.each(FAULTY)("%s gets a typed error and writes nothing", async (_what, body, status, code) => {
    const answer = await expectNothingWritten(server.database, async () => await server.post(body));
    expect(answer.body.data ?? null).toBeNull();
    expect({ status: answer.status, codes: codesOf(answer.body) }).toEqual({ status, codes: [code] });
    for (const { message, extensions } of answer.body.errors) {
      expect(message).not.toBe("");
      expect(Object.keys(extensions).sort()).toEqual(["code", "correlationId"]);
      expect(extensions.correlationId).toMatch(/^[\w.:-]{1,64}$/);
    }
  });

  it("carries the caller's correlation id, unless that could do harm in a log", async () => {
    const idFor = async (id: string) => {
      const { body } = await server.post({ query: "{ nothing }" }, { headers: { "x-correlation-id": id } });
      return body.errors[0].extensions.correlationId;
    };
    expect(await idFor("trace-1.a:b")).toBe("trace-1.a:b");
    expect(await idFor("a b")).not.toBe("a b");
    expect(await idFor("x".repeat(65))).not.toBe("x".repeat(65));
  });
});

it("an answer in a form that it does not have is refused as such", async () => {
  const headers = { authorization: `Bearer ${server.adminToken}`, "content-type": "application/json" };
  const body = JSON.stringify({ query: "{ viewer { systemAdmin } }" });
  const accepts = async (accept: string) =>
    (await fetch(`${server.url}/graphql`, { method: "POST", headers: { ...headers, accept }, body })).status;
  expect(await accepts("text/html")).toBe(406);
  expect(await accepts("application/graphql-response+json")).toBe(200);
});

describe("what a page of another site could send", () => {
  const mutation = deployment({ projectId: "default", source: SOURCE });

  it.each(["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"])(
    "a body of the type %s is refused",
    async (contentType) => {
      const answer = await expectNothingWritten(
        server.database,
        async () => await server.post(mutation, { headers: { "content-type": contentType } }),
      );
      expect([400, 415]).toContain(answer.status);
      expect(codesOf(answer.body)).toEqual(["BAD_REQUEST"]);
    },
  );

  it("a GET needs a header that such a page cannot set", async () => {
    expect(await get("{ viewer { systemAdmin } }")).toMatchObject({ status: 400 });
    expect(await get("{ viewer { systemAdmin } }", { "apollo-require-preflight": "true" })).toEqual({
      status: 200,
      body: expect.objectContaining({ data: { viewer: { systemAdmin: true } } }),
    });
  });

  it("a GET never carries out a mutation", async () => {
    const query = `mutation { deployWorkflow(input: { projectId: "default", source: "${SOURCE.replaceAll("\n", "\\n")}" }) { created } }`;
    const answer = await expectNothingWritten(
      server.database,
      async () => await get(query, { "apollo-require-preflight": "true" }),
    );
    expect(answer.status).toBe(405);
    expect(codesOf(answer.body)).toEqual(["BAD_REQUEST"]);
  });

  it("the same mutation as a proper request is carried out: only its form was refused", async () => {
    const answer = await server.post(mutation);
    expect(answer.body.data).toEqual({ deployWorkflow: { created: true } });
  });
});

async function get(query: string, headers: Record<string, string> = {}): Promise<PostAnswer> {
  const response = await fetch(`${server.url}/graphql?query=${encodeURIComponent(query)}`, {
    headers: { authorization: `Bearer ${server.adminToken}`, ...headers },
  });
  return { status: response.status, body: JSON.parse(await response.text()) };
}

function codesOf(body: { errors?: { extensions?: { code?: string } }[] }): (string | undefined)[] {
  return (body.errors ?? []).map(({ extensions }) => extensions?.code);
}
