import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ManualClock } from "../support/manual-clock.ts";
import { startProtocolRunner } from "../support/protocol-runner.ts";
import { startTestServer, type TestServer } from "../support/server.ts";
import { deploy, trigger } from "../support/workflows.ts";
import { makeToken } from "./accounts.ts";
import { type Operation, refusal, ServerSentEvents, type StreamRequest } from "./event-streams.ts";
import { expectNothingWritten } from "./tables.ts";

const FLOW =
  "name: streamed\nstages: [{ name: a, steps: [{ ref: x, run: 'true' }, { ref: y, run: 'true' }] }]\n";
const EVENTS = `subscription ($id: ID!, $after: StreamPosition!) {
  runEvents(workflowRunId: $id, after: $after) { __typename cursor ... on RunEvent { seq } } }`;
const CANCEL = `mutation ($id: ID!) { cancelWorkflowRun(input: { workflowRunId: $id }) { clientMutationId } }`;
const START = { at: "START" };
const HEAD = { at: "HEAD" };

const clock = new ManualClock();
let server: TestServer;
let workflow: string;
/** Ended long ago. */
let ended: string;
/** Is never executed. */
let waiting: string;
beforeAll(async () => {
  server = await startTestServer({ clock, runDuties: false });
  workflow = await deploy(server.admin, FLOW);
  ended = await newRun();
  await (await startProtocolRunner(server)).workOff();
  waiting = await newRun();
});
afterAll(async () => await server[Symbol.asyncDispose]());

const newRun = async () => (await trigger(server.admin, workflow)).id;
const events = (id: string, after: object = START): Operation => ({
  query: EVENTS,
  variables: { id, after },
});
const stream = async (operation: Operation, request: StreamRequest = {}, url = server.url) =>
  await ServerSentEvents.open(url, operation, { token: server.adminToken, ...request });
const refused = async (operation: Operation, request: StreamRequest = {}) =>
  await refusal(server.url, operation, { token: server.adminToken, ...request });
const seqsOf = ({ messages }: ServerSentEvents) => messages.flatMap(({ seq }) => seq ?? []);
const upTo = (last: number) => Array.from({ length: last }, (_, index) => index + 1);

describe("an event stream", () => {
  it.each(["POST", "GET"] as const)(
    "by %s carries each event once and completes with the run",
    async (method) => {
      await using told = await stream(events(ended), { method });
      await told.end();
      expect(told.response.status).toBe(200);
      const header = (name: string) => told.response.headers.get(name);
      expect(header("content-type")).toContain("text/event-stream");
      expect(header("cache-control")).toContain("no-store");
      expect(header("x-accel-buffering")).toBe("no");
      expect(seqsOf(told).length).toBeGreaterThan(8);
      expect(seqsOf(told)).toEqual(upTo(seqsOf(told).length));
      expect(told.types.slice(-3)).toEqual(["RunStatusChanged", "RunFinished", "CaughtUp"]);
      expect(told.completed).toBe(true);
    },
  );

  it("is live, says at once that it is there, and can be resumed behind a message", async () => {
    const id = await newRun();
    await using first = await stream(events(id));
    await first.until("CaughtUp");
    expect(first.comments).toBeGreaterThan(0);
    const cursor = first.messages[0]!.cursor;
    await server.admin.request(CANCEL, { id });
    await first.end();
    await using second = await stream(events(id, { cursor }));
    await second.end();
    expect(seqsOf(second)).toEqual(seqsOf(first).slice(1));
    expect(second.completed).toBe(true);
  });
});

describe("a request that is no subscription", () => {
  it.each([
    ["without a token", { token: null }, 401, "UNAUTHENTICATED"],
    ["with a token that is none", { token: "rc_nobody" }, 401, "UNAUTHENTICATED"],
    ["from a page of elsewhere", { headers: { origin: "https://evil.example" } }, 403, "FORBIDDEN"],
    ["that takes no event stream", { headers: { accept: "application/json" } }, 406, "NOT_ACCEPTABLE"],
    ["in another form", { headers: { "content-type": "text/plain" } }, 415, "BAD_REQUEST"],
  ] as const)("%s is refused", async (_what, request, status, code) => {
    const answer = await refused(events(ended), request);
    expect(answer.status).toBe(status);
    expect(answer.error.extensions.code).toBe(code);
  });

  it("cannot bring its token in the address", async () => {
    const search = new URLSearchParams({ query: "{ viewer { systemAdmin } }", token: server.adminToken });
    for (const parameter of ["token", "access_token", "authorization"]) {
      search.set(parameter, server.adminToken);
      const response = await fetch(`${server.url}/graphql/stream?${search}`, {
        headers: { accept: "text/event-stream" },
      });
      expect(response.status).toBe(401);
    }
  });

  it("says what it lacks", async () => {
    const { status, error } = await refused({ variables: {} });
    expect(status).toBe(400);
    expect(error).toMatchObject({
      message: "Missing query",
      extensions: { code: "BAD_REQUEST", correlationId: expect.any(String) },
    });
    expect((await refused({ query: "x".repeat(70_000) })).status).toBe(413);
  });
});

const after = HEAD;
describe("an operation on a stream", () => {
  it.each([
    ["a syntax error", "subscription {", {}, "GRAPHQL_PARSE_FAILED"],
    ["an unknown field", "subscription { secrets }", {}, "GRAPHQL_VALIDATION_FAILED"],
    ["a variable that is missing", EVENTS, { id: "run_x" }, "BAD_USER_INPUT"],
    ["both sides of a oneOf", EVENTS, { id: "run_x", after: { at: "START", cursor: "x" } }, "BAD_USER_INPUT"],
    ["an unknown run", EVENTS, { id: "run_x", after }, "NOT_FOUND"],
    ["a cursor that is none", EVENTS, { after: { cursor: "x" } }, "INVALID_CURSOR"],
  ])("with %s is refused by a typed error", async (_what, query, variables, code) => {
    await using told = await stream({ query, variables: { id: ended, ...variables } });
    await told.end();
    expect(told.problems).toMatchObject([{ extensions: { code, correlationId: expect.any(String) } }]);
    expect(told.completed).toBe(true);
  });

  it.each([
    ["query", "{ viewer { systemAdmin } }"],
    ["mutation", CANCEL],
  ])("that is a %s is sent to /graphql, and not carried out", async (_kind, query) => {
    await expectNothingWritten(server.database, async () => {
      await using told = await stream({ query, variables: { id: waiting } });
      await told.end();
      expect(told.problems).toMatchObject([
        { message: expect.stringContaining("/graphql"), extensions: { code: "BAD_REQUEST" } },
      ]);
    });
  });

  it("of another project is about nothing", async () => {
    await using told = await stream(events(ended), {
      token: await server.tokenWith("elsewhere", "PROJECT_ADMIN"),
    });
    await told.end();
    expect(told.problems).toMatchObject([{ extensions: { code: "NOT_FOUND" } }]);
  });
});

describe("a token that ends", () => {
  const expectEnded = async (told: ServerSentEvents) => {
    await told.end();
    expect(told.problems).toMatchObject([{ extensions: { code: "UNAUTHENTICATED" } }]);
    expect(told.types).toEqual(["CaughtUp"]);
    expect(told.completed).toBe(true);
  };

  it("takes its streams with it when it is revoked, though nothing happens on them", async () => {
    const token = await makeToken(server, { username: "revoked", systemAdmin: true });
    await using told = await stream(events(waiting, HEAD), { token });
    await told.until("CaughtUp");
    await server.database.query(
      "delete from api_token where account_id = (select id from account where username = 'revoked')",
    );
    clock.advance(5_001);
    await expectEnded(told);
  });

  it("ends them before the next message when it expires", async () => {
    const id = await newRun();
    const expiresAt = new Date(clock.now().getTime() + 60_000);
    const token = await makeToken(server, { username: "brief", systemAdmin: true, expiresAt });
    await using told = await stream(events(id, HEAD), { token });
    await told.until("CaughtUp");
    clock.advance(60_000);
    await server.admin.request(CANCEL, { id });
    await expectEnded(told);
  });
});

describe("an account", () => {
  it("has 50 streams at once; whoever hangs up makes room", async () => {
    const token = await makeToken(server, { username: "streamer", systemAdmin: true });
    const open = async () =>
      await Promise.all(upTo(50).map(async () => await stream(events(waiting, HEAD), { token })));
    const first = await open();
    expect(first.map(({ response }) => response.status)).toEqual(first.map(() => 200));
    const { status, headers, error } = await refused(events(waiting, HEAD), { token });
    expect(status).toBe(429);
    expect(headers.get("retry-after")).toBe("5");
    expect(error.extensions.code).toBe("TOO_MANY_REQUESTS");
    await Promise.all(first.map(async (told) => await told[Symbol.asyncDispose]()));
    await expect.poll(async () => await statusOf(token), { timeout: 10_000 }).toBe(200);
  });

  const statusOf = async (token: string) => {
    await using told = await stream(events(waiting, HEAD), { token });
    return told.response.status;
  };
});

describe("a server that stops", () => {
  it("ends its streams without completing them; they go on at another one", async () => {
    const { database } = server;
    const replica = await startTestServer({ database, clock, runDuties: false });
    const id = await newRun();
    await using before = await stream(events(id), {}, replica.url);
    await before.until("CaughtUp");
    await replica[Symbol.asyncDispose]();
    await before.end();
    expect(before.completed).toBe(false);
    expect(before.problems).toEqual([]);
    await server.admin.request(CANCEL, { id });
    await using behind = await stream(events(id, { cursor: before.messages.at(-1)!.cursor }));
    await behind.end();
    expect([...seqsOf(before), ...seqsOf(behind)]).toEqual(
      upTo(seqsOf(before).length + seqsOf(behind).length),
    );
    expect(behind.types).toContain("RunFinished");
  });
});
