import { connect } from "node:net";
import { afterAll, beforeAll, expect, it } from "vitest";
import { startTestServer, type TestServer } from "../support/server.ts";

let server: TestServer;

beforeAll(async () => {
  server = await startTestServer();
});
afterAll(async () => await server[Symbol.asyncDispose]());

it("outlives clients that reset a refused upgrade", async () => {
  const { hostname, port } = new URL(server.url);
  const headers =
    "Host: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: eA==";
  await Promise.all(
    Array.from({ length: 50 }, async () => {
      const socket = connect(Number(port), hostname);
      socket.on("error", () => undefined);
      await new Promise((resolve) => socket.once("connect", resolve));
      socket.write(`GET /nope HTTP/1.1\r\n${headers}\r\n\r\n`);
      socket.resetAndDestroy();
      await new Promise((resolve) => socket.once("close", resolve));
    }),
  );
  expect((await server.post({ query: "{ viewer { systemAdmin } }" })).status).toBe(200);
});
