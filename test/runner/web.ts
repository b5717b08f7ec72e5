import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { onTestFinished } from "vitest";
import type { RequestSpec } from "../../src/runner/protocol.ts";
import { task } from "./harness.ts";

export interface ReceivedRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
}

export interface Web {
  readonly port: number;
  readonly url: string;
  readonly received: ReceivedRequest[];
  /** Connections that are open now. */
  readonly open: () => number;
}

type Handler = (request: ReceivedRequest, response: ServerResponse) => void;

/** A web server on this machine that remembers what it was asked. */
export async function startWeb(handle: Handler): Promise<Web> {
  const received: ReceivedRequest[] = [];
  let open = 0;
  const listener: RequestListener = async (request, response) => {
    const parts: Buffer[] = [];
    for await (const part of request as AsyncIterable<Buffer>) parts.push(part);
    const { method = "", url = "", headers } = request;
    const one = { method, url, headers, body: Buffer.concat(parts).toString() };
    received.push(one);
    handle(one, response);
  };
  const server = createServer(listener);
  server.on("connection", (socket) => {
    open++;
    socket.once("close", () => open--);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  const { port } = server.address() as AddressInfo;
  return { port, url: `http://127.0.0.1:${port}`, received, open: () => open };
}

export function requestTask(http: Partial<RequestSpec> & { url: string }, timeoutMs = 60_000) {
  const request = { method: "GET", headers: [], body: null, expect: [{ from: 200, to: 299 }], ...http };
  return task("", { http: request, timeoutMs });
}
