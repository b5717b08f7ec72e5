import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { WebSocket } from "ws";
import { ManualClock } from "../support/manual-clock.ts";
import { startTestServer, type TestServer } from "../support/server.ts";
import { waitFor } from "../support/wait-for.ts";
import { deploy, trigger } from "../support/workflows.ts";
import { makeToken } from "./accounts.ts";
import { closingOf, nextFrame, openSocket } from "./sockets.ts";
import { expectNothingWritten } from "./tables.ts";

const FLOW = "name: sockets\nstages: [{ name: a, steps: [{ ref: x, run: 'true' }] }]\n";
const EVENTS = `subscription ($id: ID!, $after: StreamPosition!) {
  runEvents(workflowRunId: $id, after: $after) { __typename cursor } }`;
/** A live subscription stays open: the run is never executed here. */
const LIVE = { at: "HEAD" };

const clock = new ManualClock();
let server: TestServer;
let run: string;
beforeAll(async () => {
  server = await startTestServer({ clock, runDuties: false });
  run = (await trigger(server.admin, await deploy(server.admin, FLOW))).id;
});
afterAll(async () => await server[Symbol.asyncDispose]());

async function authenticated(token = server.adminToken): Promise<WebSocket> {
  const socket = await openSocket(server.url, { authorization: `Bearer ${token}` });
  socket.send(JSON.stringify({ type: "connection_init" }));
  expect(await nextFrame(socket)).toEqual({ type: "connection_ack" });
  return socket;
}

function send(socket: WebSocket, id: string, query: string, variables: object = {}): void {
  socket.send(JSON.stringify({ id, type: "subscribe", payload: { query, variables } }));
}

async function answerTo(query: string, variables: object = {}) {
  const socket = await authenticated();
  send(socket, "1", query, variables);
  const answer = await nextFrame(socket);
  socket.close();
  return answer;
}

/** What is wrong with an operation, and the code that says so: the same as over HTTP. */
const FAULTY: readonly [what: string, query: string, variables: object, code: string][] = [
  ["a syntax error", "subscription {", {}, "GRAPHQL_PARSE_FAILED"],
  ["an unknown field", "subscription { secrets }", {}, "GRAPHQL_VALIDATION_FAILED"],
  ["a variable that is missing", EVENTS, { id: "run_x" }, "BAD_USER_INPUT"],
  ["a variable of a wrong type", EVENTS, { id: "run_x", after: { at: "MIDDLE" } }, "BAD_USER_INPUT"],
  ["neither side of a oneOf", EVENTS, { id: "run_x", after: {} }, "BAD_USER_INPUT"],
  ["both sides of a oneOf", EVENTS, { id: "run_x", after: { at: "START", cursor: "x" } }, "BAD_USER_INPUT"],
  ["null in a oneOf", EVENTS, { id: "run_x", after: { cursor: null } }, "BAD_USER_INPUT"],
  ["an unknown field in a oneOf", EVENTS, { id: "run_x", after: { at: "HEAD", by: 1 } }, "BAD_USER_INPUT"],
  [
    "no position at all",
    `subscription { runEvents(workflowRunId: "x") { cursor } }`,
    {},
    "GRAPHQL_VALIDATION_FAILED",
  ],
  [
    "both sides of a oneOf, written out",
    `subscription { runEvents(workflowRunId: "x", after: { at: START, cursor: "x" }) { cursor } }`,
    {},
    "GRAPHQL_VALIDATION_FAILED",
  ],
  [
    "neither side, written out",
    `subscription { runEvents(workflowRunId: "x", after: {}) { cursor } }`,
    {},
    "GRAPHQL_VALIDATION_FAILED",
  ],
  ["an unknown run", EVENTS, { id: "run_x", after: LIVE }, "NOT_FOUND"],
  [
    "too many aliases",
    `{ viewer { ${Array.from({ length: 16 }, (_, i) => `a${i}: systemAdmin`).join(" ")} } }`,
    {},
    "QUERY_TOO_COMPLEX",
  ],
  ["too many tokens", `{ viewer { ${"systemAdmin ".repeat(1_000)} } }`, {}, "GRAPHQL_PARSE_FAILED"],
  [
    "too high a cost",
    "{ projects(first: 100) { nodes { workflows(first: 100) { nodes { latestVersion { createdBy { name } } } } } } }",
    {},
    "QUERY_TOO_COMPLEX",
  ],
];

describe("an operation over WebSocket", () => {
  it.each(FAULTY)(
    "with %s is refused by a typed error and writes nothing",
    async (_what, query, variables, code) => {
      const answer = await expectNothingWritten(
        server.database,
        async () => await answerTo(query, variables),
      );
      const errors = (
        answer.type === "error" ? answer.payload : (answer.payload as { errors: unknown }).errors
      ) as object[];
      expect(errors.length).toBeGreaterThan(0);
      for (const error of errors) {
        expect(error).toMatchObject({
          message: expect.any(String),
          extensions: { code, correlationId: expect.any(String) },
        });
      }
    },
  );

  it("may be a query or a mutation as well", async () => {
    expect(await answerTo("{ viewer { systemAdmin } }")).toMatchObject({
      type: "next",
      payload: { data: { viewer: { systemAdmin: true } } },
    });
  });
});

describe("a socket", () => {
  it("is refused to pages of other origins", async () => {
    const origin = (value: string) => openSocket(server.url, { origin: value });
    await expect(origin("https://evil.example")).rejects.toThrow("403");
    await expect(origin("null")).rejects.toThrow("403");
    (await origin(server.url)).close();
  });

  it("exists at /graphql only", async () => {
    const socket = new WebSocket(`${server.url.replace("http", "ws")}/other`, "graphql-transport-ws");
    const error = await new Promise<Error>((resolve) => socket.once("error", resolve));
    expect(error.message).toContain("404");
  });

  it("is closed when it says nothing for 3 s, or something before its turn", async () => {
    const silent = await openSocket(server.url);
    const hasty = await openSocket(server.url);
    send(hasty, "1", "{ viewer { systemAdmin } }");
    expect((await closingOf(hasty)).code).toBe(4401);
    expect((await closingOf(silent)).code).toBe(4408);
  });

  it("is closed by a message that is none, and by one of more than 64 KiB", async () => {
    const garbled = await authenticated();
    garbled.send("hello");
    expect((await closingOf(garbled)).code).toBe(4400);
    // The library also tells the console of it.
    const said = vi.spyOn(console, "error").mockReturnValue();
    const wordy = await authenticated();
    wordy.send("x".repeat(64 * 1024 + 1));
    expect((await closingOf(wordy)).code).toBe(1009);
    said.mockRestore();
  });

  it("carries 50 operations at once and not one more", async () => {
    const socket = await authenticated();
    const refused: string[] = [];
    const caughtUp: string[] = [];
    const all = new Promise<void>((resolve) => {
      socket.on("message", (data: Buffer) => {
        const { id, type, payload } = JSON.parse(data.toString());
        if (type === "error") refused.push(payload[0].extensions.code);
        else caughtUp.push(id);
        if (refused.length + caughtUp.length === 51) resolve();
      });
    });
    for (let i = 1; i <= 51; i++) send(socket, `${i}`, EVENTS, { id: run, after: LIVE });
    await all;
    expect(refused).toEqual(["QUERY_TOO_COMPLEX"]);
    expect(caughtUp).toHaveLength(50);
    socket.close();
  });
});

describe("an account", () => {
  it("has 20 sockets at once; refused ones do not count", async () => {
    const token = await makeToken(server, { username: "socketeer" });
    const open = async () =>
      await Promise.all(Array.from({ length: 20 }, async () => await authenticated(token)));
    const first = await open();
    for (let i = 0; i < 25; i++) {
      const extra = await openSocket(server.url, { authorization: `Bearer ${token}` });
      extra.send(JSON.stringify({ type: "connection_init" }));
      expect((await closingOf(extra)).code).toBe(4429);
    }
    const closed = first.map(async (socket) => await closingOf(socket));
    for (const socket of first) socket.close();
    await Promise.all(closed);
    for (const socket of await open()) socket.close();
  });
});

describe("a token that ends", () => {
  it("takes its sockets with it: close 4403 at the next operation or message", async () => {
    const expiresAt = new Date(clock.now().getTime() + 60_000);
    const token = await makeToken(server, { username: "brief", systemAdmin: true, expiresAt });
    const [asking, listening] = [await authenticated(token), await authenticated(token)];
    send(listening, "1", EVENTS, { id: run, after: LIVE });
    expect(await nextFrame(listening)).toMatchObject({ type: "next" });
    clock.advance(60_000);
    const ends = Promise.all([closingOf(asking), closingOf(listening)]);
    send(asking, "2", "{ viewer { systemAdmin } }");
    await server.admin.request(
      `mutation { cancelWorkflowRun(input: { workflowRunId: "${run}" }) { clientMutationId } }`,
    );
    expect((await ends).map(({ code }) => code)).toEqual([4403, 4403]);
  });
});

describe("a role that is lost", () => {
  it("ends the subscriptions that needed it with NOT_FOUND at once, and no others", async () => {
    const token = await makeToken(server, {
      username: "leaver",
      member: { project: "left", role: "PROJECT_USER" },
    });
    await makeToken(server, { username: "leaver", member: { project: "default", role: "PROJECT_USER" } });
    const start = async (project: string) =>
      (await trigger(server.admin, await deploy(server.admin, FLOW, project))).id;
    const [left, kept] = [await start("left"), await start("default")];
    const socket = await authenticated(token);
    for (const id of [left, kept]) {
      send(socket, id, EVENTS, { id, after: LIVE });
      expect(await nextFrame(socket)).toMatchObject({ id, type: "next" });
    }
    await server.database.query(
      "delete from project_member where project_id = (select id from project where slug = 'left')",
    );
    clock.advance(5_001);
    const frames: { id?: string; type: string; payload?: unknown }[] = [];
    socket.on("message", (data: Buffer) => frames.push(JSON.parse(data.toString())));
    send(socket, "refresh", "{ viewer { systemAdmin } }");
    await waitFor("the one that lost its role to end", () => frames.some(({ id }) => id === left));
    for (const id of [left, kept])
      await server.admin.request(
        `mutation { cancelWorkflowRun(input: { workflowRunId: "${id}" }) { clientMutationId } }`,
      );
    await waitFor("the other one's end", () =>
      frames.some(({ id, type }) => id === kept && type === "complete"),
    );
    expect(frames.filter(({ id }) => id === left)).toMatchObject([
      { type: "error", payload: [{ extensions: { code: "NOT_FOUND" } }] },
    ]);
    expect(frames.filter(({ id, type }) => id === kept && type === "error")).toEqual([]);
    socket.close();
  });
});
