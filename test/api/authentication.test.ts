import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { ManualClock } from "../support/manual-clock.ts";
import { startTestServer, type TestServer } from "../support/server.ts";
import { makeToken } from "./accounts.ts";
import { closingOf, nextFrame, openSocket } from "./sockets.ts";
import { expectNothingWritten } from "./tables.ts";

const VIEWER = "{ viewer { actor { username } } }";
const TRIGGER = `mutation { deployWorkflow(input: { projectId: "default", source: "name: a" }) { created } }`;
/** A token that was valid a moment ago may still be: this long at most. */
const NOTICED_AFTER_MS = 5_001;

let server: TestServer;
const clock = new ManualClock();
beforeAll(async () => {
  server = await startTestServer({ clock, runDuties: false });
});
afterAll(async () => await server[Symbol.asyncDispose]());

/** How a client can show its token, and every way of having none that is valid. */
const BAD_HEADERS: readonly [what: string, headers: () => Record<string, string>][] = [
  ["no header", () => ({})],
  ["an unknown token", () => ({ authorization: `Bearer runcast_${"A".repeat(43)}` })],
  ["an unknown token in X-Access-Token", () => ({ "x-access-token": "runcast_nobody" })],
  ["an empty token", () => ({ authorization: "Bearer " })],
  ["another scheme", () => ({ authorization: `Basic ${server.adminToken}` })],
  ["the token without a scheme", () => ({ authorization: server.adminToken })],
  ["a changed token", () => ({ authorization: `Bearer ${server.adminToken.slice(0, -1)}_` })],
  ["two tokens", () => ({ authorization: `Bearer ${server.adminToken} ${server.adminToken}` })],
];

describe.each(BAD_HEADERS)("%s", (_what, headers) => {
  it("is answered with HTTP 401, whatever the body is, and writes nothing", async () => {
    for (const body of [
      { query: VIEWER },
      { query: TRIGGER },
      "{ malformed",
      { query: "{ __schema { types { name } } }" },
    ]) {
      const answer = await expectNothingWritten(
        server.database,
        async () => await server.post(body, { token: null, headers: headers() }),
      );
      expect(answer.status).toBe(401);
      expect(answer.body).toEqual({
        errors: [
          {
            message: expect.stringContaining("token"),
            extensions: { code: "UNAUTHENTICATED", correlationId: expect.any(String) },
          },
        ],
      });
    }
  });

  it("closes a WebSocket with 4401, as headers and as connection parameters", async () => {
    const byHeader = await openSocket(server.url, headers());
    byHeader.send(JSON.stringify({ type: "connection_init" }));
    expect(await closingOf(byHeader)).toEqual({ code: 4401, reason: "Unauthorized" });

    const byParameter = await openSocket(server.url);
    byParameter.send(JSON.stringify({ type: "connection_init", payload: headers() }));
    expect(await closingOf(byParameter)).toEqual({ code: 4401, reason: "Unauthorized" });
  });
});

describe("a valid token", () => {
  const forms: readonly [string, (token: string) => Record<string, string>][] = [
    ["Authorization", (token) => ({ authorization: `Bearer ${token}` })],
    ["a lower-case scheme", (token) => ({ authorization: `bearer ${token}` })],
    ["X-Access-Token", (token) => ({ "x-access-token": token })],
  ];
  let token: string;
  beforeEach(async () => {
    token = await makeToken(server, {
      username: "reader",
      member: { project: "default", role: "PROJECT_USER" },
    });
  });

  it.each(forms)("is taken from %s", async (_name, headers) => {
    const answer = await server.post({ query: VIEWER }, { token: null, headers: headers(token) });
    expect(answer).toMatchObject({
      status: 200,
      body: { data: { viewer: { actor: { username: "reader" } } } },
    });
  });

  it.each(forms)("opens a WebSocket with %s as header or as connection parameter", async (_name, headers) => {
    for (const socket of [await openSocket(server.url, headers(token)), await openSocket(server.url)]) {
      socket.send(JSON.stringify({ type: "connection_init", payload: headers(token) }));
      expect(await nextFrame(socket)).toEqual({ type: "connection_ack" });
      socket.close();
    }
  });

  it("may sit in connection parameters whose names are written as headers are", async () => {
    const socket = await openSocket(server.url);
    socket.send(JSON.stringify({ type: "connection_init", payload: { Authorization: `Bearer ${token}` } }));
    expect(await nextFrame(socket)).toEqual({ type: "connection_ack" });
    socket.close();
  });

  it("is not stored: only its hash is", async () => {
    const stored = await server.database.query<{ row: string }>("select t::text as row from api_token t");
    expect(stored.length).toBeGreaterThan(0);
    expect(stored.filter(({ row }) => row.includes(token.slice(8)))).toEqual([]);
  });
});

describe("a token that ends", () => {
  const isTaken = async (token: string) => (await server.post({ query: VIEWER }, { token })).status === 200;

  it("works until its expiry and not a moment longer", async () => {
    const expiresAt = new Date(clock.now().getTime() + 60_000);
    const token = await makeToken(server, { username: "brief", expiresAt });
    expect(await isTaken(token)).toBe(true);
    clock.advance(59_999);
    expect(await isTaken(token)).toBe(true);
    clock.advance(1);
    expect(await isTaken(token)).toBe(false);
    const socket = await openSocket(server.url, { authorization: `Bearer ${token}` });
    socket.send(JSON.stringify({ type: "connection_init" }));
    expect((await closingOf(socket)).code).toBe(4401);
  });

  it("is refused when it was revoked, within seconds", async () => {
    const token = await makeToken(server, { username: "revoked" });
    expect(await isTaken(token)).toBe(true);
    await server.database.query(
      "update api_token set revoked_at = now() where account_id = (select id from account where username = $1)",
      ["revoked"],
    );
    clock.advance(NOTICED_AFTER_MS);
    expect(await isTaken(token)).toBe(false);
  });

  it("is refused when its account is gone, within seconds", async () => {
    const token = await makeToken(server, { username: "leaver" });
    expect(await isTaken(token)).toBe(true);
    await server.database.query("delete from account where username = 'leaver'");
    clock.advance(NOTICED_AFTER_MS);
    expect(await isTaken(token)).toBe(false);
  });

  it("loses the role that its account loses, within seconds", async () => {
    const member = { project: "default", role: "PROJECT_USER" } as const;
    const token = await makeToken(server, { username: "former", member });
    const project = { query: `{ project(id: "default") { slug } }` };
    expect((await server.post(project, { token })).body.data).toEqual({ project: { slug: "default" } });
    await server.database.query(
      "delete from project_member where account_id = (select id from account where username = 'former')",
    );
    clock.advance(NOTICED_AFTER_MS);
    expect((await server.post(project, { token })).body.errors[0].extensions.code).toBe("NOT_FOUND");
  });
});
