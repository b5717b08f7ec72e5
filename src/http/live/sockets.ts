import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { CloseCode, handleProtocols, type Server as Protocol } from "graphql-ws";
import { type WebSocket, WebSocketServer } from "ws";

const MAX_MESSAGE_BYTES = 64 * 1024;
/** Keep-alive pings, and so how soon a half-open socket is found: it misses one. */
const PING_MS = 10_000;
/** For clients to answer the close frame of a shutdown. */
const GOODBYE_MS = 2_000;

/** What is known of a socket from its handshake. */
export interface Handshake {
  readonly client: WebSocket;
  /** The connection below it. */
  readonly socket: Duplex;
  readonly headers: IncomingMessage["headers"];
}

export interface SocketsOptions<Extra> {
  readonly protocol: Protocol<Extra>;
  makeExtra(handshake: Handshake): Extra;
  onError(error: unknown): void;
}

/**
 * Carries graphql-transport-ws over `ws`. The library's own adapter keeps a timer and the whole request of each
 * socket: that is more than the rest of an idle one (docs/benchmarks.md).
 */
export class Sockets<Extra> implements AsyncDisposable {
  readonly #options: SocketsOptions<Extra>;
  readonly #server = new WebSocketServer({
    noServer: true,
    maxPayload: MAX_MESSAGE_BYTES,
    perMessageDeflate: false,
    handleProtocols: (protocols) => handleProtocols(protocols),
  });
  /** Those that answered since the last ping. */
  readonly #alive = new WeakSet<WebSocket>();
  readonly #pings = setInterval(() => this.#ping(), PING_MS).unref();

  constructor(options: SocketsOptions<Extra>) {
    this.#options = options;
  }

  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const { headers } = request;
    this.#server.handleUpgrade(request, socket, head, (client) => this.#open({ client, socket, headers }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#pings);
    const { clients } = this.#server;
    for (const client of clients) client.close(1001, "Going away");
    // Whoever does not answer is cut off: a shutdown does not wait for the half-open.
    const cut = setTimeout(() => {
      for (const client of clients) client.terminate();
    }, GOODBYE_MS);
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
    await Promise.all([...clients].map(closed));
    clearTimeout(cut);
  }

  #open(handshake: Handshake): void {
    const { client } = handshake;
    const { protocol, makeExtra, onError } = this.#options;
    this.#alive.add(client);
    client.on("pong", () => void this.#alive.add(client));
    // A broken frame, or a connection that was reset: `ws` closes the socket by itself.
    client.on("error", () => undefined);
    const onClose = protocol.opened(
      {
        protocol: client.protocol,
        send: async (text) => await send(client, text),
        close: (code, reason) => client.close(code, reason),
        onMessage: (onText) =>
          void client.on("message", (data) => {
            onText(String(data)).catch((error: unknown) => {
              onError(error);
              client.close(CloseCode.InternalServerError, "Internal server error");
            });
          }),
      },
      makeExtra(handshake),
    );
    client.once("close", (code, reason) => void onClose(code, String(reason)).catch(onError));
  }

  #ping(): void {
    for (const client of this.#server.clients) {
      if (!this.#alive.delete(client)) client.terminate();
      else if (client.readyState === client.OPEN) client.ping();
    }
  }
}

/** What is sent to a socket that closes meanwhile is lost with it, which is no error: its client resumes. */
async function send(client: WebSocket, text: string): Promise<void> {
  if (client.readyState !== client.OPEN) return;
  await new Promise<void>((resolve) => client.send(text, () => resolve()));
}

async function closed(client: WebSocket): Promise<void> {
  if (client.readyState === client.CLOSED) return;
  await new Promise<void>((resolve) => client.once("close", () => resolve()));
}
