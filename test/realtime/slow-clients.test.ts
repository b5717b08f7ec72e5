import { once } from "node:events";
import { createServer } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { WebSocket, WebSocketServer } from "ws";
import { framesOf, nextBody, nextPrefix } from "../../src/http/live/frames.ts";
import { Outlet } from "../../src/http/live/outlet.ts";
import { nextFrame, openSocket, type StreamMessage, Subscription } from "../api/sockets.ts";
import { HEAD } from "../api/streams.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { startTestServer, type TestServer } from "../support/server.ts";
import { waitFor } from "../support/wait-for.ts";
import { deploy, trigger } from "../support/workflows.ts";

const FLOW = `name: talkative\nstages: [{ name: only, steps: [{ ref: outside, type: external }] }]\n`;
const TRACES = `subscription ($id: ID!, $after: StreamPosition!) {
  runEvents(workflowRunId: $id, after: $after) { __typename cursor ... on RunEvent { seq } ... on StepTraced { content } } }`;
const RECORD = `mutation ($step: StepRunSelector!, $content: String!) {
  recordStepTrace(input: { step: $step, kind: NOTE, content: $content }) { userErrors { message } } }`;
const COMPLETE = `mutation ($step: StepRunSelector!) { completeStepRun(input: { step: $step, success: true }) { userErrors { message } } }`;

/** More than a connection on this machine holds while nobody reads: buffers of the operating system, and ours. */
const NOTES = 400;
const NOTE = "x".repeat(60_000);

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer({ clock: new ManualClock(), runDuties: false });
});
afterAll(async () => await server[Symbol.asyncDispose]());

describe("a client that stops reading", () => {
  it("holds up nobody, and once it reads on gets every message once and in order", async () => {
    const run = await trigger(server.admin, await deploy(server.admin, FLOW));
    const step = { id: run.steps["outside"] };
    await using quick = new Subscription(server.url, server.adminToken, TRACES, { id: run.id, after: HEAD });
    await quick.until("CaughtUp");
    const slow = await openSocket(server.url, { authorization: `Bearer ${server.adminToken}` });
    const received: StreamMessage[] = [];
    slow.send(JSON.stringify({ type: "connection_init" }));
    await nextFrame(slow);
    const payload = { query: TRACES, variables: { id: run.id, after: HEAD } };
    slow.send(JSON.stringify({ id: "1", type: "subscribe", payload }));
    await nextFrame(slow);
    let completed = false;
    slow.on("message", (data: Buffer) => {
      const message = JSON.parse(data.toString());
      if (message.type === "next") received.push(message.payload.data.runEvents);
      completed ||= message.type === "complete";
    });
    slow.pause();
    for (let i = 0; i < NOTES; i += 10)
      await Promise.all(
        Array.from({ length: 10 }, async () => {
          const { recordStepTrace } = (await server.admin.request(RECORD, { step, content: NOTE })) as {
            recordStepTrace: { userErrors: unknown[] };
          };
          expect(recordStepTrace.userErrors).toEqual([]);
        }),
      );
    await server.admin.request(COMPLETE, { step });
    const expected = (await quick.all()).filter(({ __typename }) => __typename !== "CaughtUp");
    expect(expected.length).toBeGreaterThan(NOTES);
    expect(received).toEqual([]);
    slow.resume();
    await waitFor("the rest", () => completed, { timeoutMs: 60_000 });
    expect(received.map(({ seq }) => seq)).toEqual(expected.map(({ seq }) => seq));
    expect(received.map(({ cursor }) => cursor)).toEqual(expected.map(({ cursor }) => cursor));
    slow.close();
  });
});

/** Both ends of one connection, the client's as a bare socket that speaks WebSocket only as far as it is told. */
async function connection(): Promise<{ far: Socket; client: WebSocket; socket: Socket; end(): void }> {
  const http = createServer();
  const sockets = new WebSocketServer({ noServer: true });
  http.listen(0, "127.0.0.1");
  await once(http, "listening");
  const opened = once(http, "upgrade");
  const far = connect((http.address() as AddressInfo).port, "127.0.0.1");
  const lines = [
    "GET / HTTP/1.1",
    "Host: x",
    "Upgrade: websocket",
    "Connection: Upgrade",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
  ];
  far.write(`${lines.join("\r\n")}\r\n\r\n`);
  const [request, socket, head] = (await opened) as [
    Parameters<typeof sockets.handleUpgrade>[0],
    Socket,
    Buffer,
  ];
  const client = await new Promise<WebSocket>((resolve) => {
    sockets.handleUpgrade(request, socket, head, resolve);
  });
  const end = (): void => {
    far.destroy();
    http.close();
  };
  return { far, client, socket, end };
}

describe("an outlet", () => {
  it("says when too much waits, keeps that bounded, and closes a client that never reads", async () => {
    const { far, client, socket, end } = await connection();
    far.pause();
    const outlet = new Outlet(client, socket, { patienceMs: 50, closeMs: 50 });
    const frame = framesOf(nextPrefix("1"), [nextBody({ data: "x".repeat(16_000) })]);
    let written = 0;
    while (outlet.write(frame)) written++;
    expect(socket.writableLength).toBeLessThan(200_000);
    expect(written).toBeGreaterThan(8);
    const closed = once(client, "close");
    await outlet.drained();
    await closed;
    expect(outlet.write(frame)).toBe(false);
    end();
  });

  it("goes on when the client reads in time", async () => {
    const { far, client, socket, end } = await connection();
    far.pause();
    const outlet = new Outlet(client, socket);
    const frame = framesOf(nextPrefix("1"), [nextBody({ data: "y".repeat(16_000) })]);
    while (outlet.write(frame));
    const drained = outlet.drained();
    far.resume();
    await drained;
    expect(client.readyState).toBe(WebSocket.OPEN);
    expect(outlet.write(frame)).toBe(true);
    end();
  });
});

describe("frames", () => {
  it.each([0, 1, 60, 125, 126, 200, 65_535, 65_536, 200_000])(
    "of a body of %i characters are read by a WebSocket as they were written, several in a row",
    async (length) => {
      const sockets = new WebSocketServer({ port: 0, host: "127.0.0.1" });
      await once(sockets, "listening");
      const opened = once(sockets, "connection");
      const reader = new WebSocket(`ws://127.0.0.1:${(sockets.address() as AddressInfo).port}`);
      const texts: string[] = [];
      reader.on("message", (data: Buffer) => texts.push(data.toString()));
      const [, request] = (await opened) as [WebSocket, { socket: Socket }];
      const results = ["ä".repeat(length), "€", "z".repeat(length)].map((data) => ({ data }));
      request.socket.write(framesOf(nextPrefix('a "quoted" id'), results.map(nextBody)));
      await waitFor("three messages", () => texts.length === 3);
      expect(texts.map((text) => JSON.parse(text))).toEqual(
        results.map((payload) => ({ type: "next", id: 'a "quoted" id', payload })),
      );
      reader.terminate();
      sockets.close();
    },
  );
});
