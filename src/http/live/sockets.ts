import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { CloseCode, handleProtocols, type Server as Protocol } from "graphql-ws";
import { type WebSocket, WebSocketServer } from "ws";
import { MOST_WAITING } from "./outlet.ts";

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
    const onClose = protocol.opened(new Line(client, onError), makeExtra(handshake));
    client.once("close", (code, reason) => void onClose(code, String(reason)).catch(onError));
  }

  #ping(): void {
    for (const client of this.#server.clients) {
      // A ping would wait behind what the client has not read yet: how long, is for its outlet to say.
      if (client.bufferedAmount > MOST_WAITING) this.#alive.add(client);
      else if (!this.#alive.delete(client)) client.terminate();
      else if (client.readyState === client.OPEN) client.ping();
    }
  }
}

/** A socket as graphql-ws sees it. */
class Line {
  readonly #client: WebSocket;
  readonly #onError: (error: unknown) => void;

  constructor(client: WebSocket, onError: (error: unknown) => void) {
    this.#client = client;
    this.#onError = onError;
  }

  get protocol(): string {
    return this.#client.protocol;
  }

  /** What is sent to a socket that closes meanwhile is lost with it, which is no error: its client resumes. */
  async send(text: string): Promise<void> {
    if (this.#client.readyState !== this.#client.OPEN) return;
    await new Promise<void>((resolve) => this.#client.send(text, () => resolve()));
  }

  close(code: number, reason: string): void {
    this.#client.close(code, reason);
  }

  onMessage(onText: (text: string) => Promise<void>): void {
    this.#client.on("message", (data) => {
      onText(String(data)).catch((error: unknown) => {
        this.#onError(error);
        this.#client.close(CloseCode.InternalServerError, "Internal server error");
      });
    });
  }
}

async function closed(client: WebSocket): Promise<void> {
  if (client.readyState === client.CLOSED) return;
  await new Promise<void>((resolve) => client.once("close", () => resolve()));
}
