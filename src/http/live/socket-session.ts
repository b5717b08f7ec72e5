import type { IncomingHttpHeaders } from "node:http";
import { GraphQLError } from "graphql";
import type { Context } from "graphql-ws";
import type { WebSocket } from "ws";
import type { Viewer } from "../../domain/access.ts";
import type { Carrier, TokenWatch } from "../token-watch.ts";
import { Delivery, type Receiver } from "./delivery.ts";
import { Outlet } from "./outlet.ts";
import type { Handshake } from "./sockets.ts";

export type Parameters = Record<string, unknown> | undefined;
/** What graphql-ws knows of a socket. */
export type Connection = Context<Parameters, SocketSession & Record<PropertyKey, unknown>>;
type Operation = NonNullable<Connection["subscriptions"][string]>;

/** One socket: whose it is, and what it is sent besides what graphql-ws sends. */
export class SocketSession implements Receiver, Carrier {
  readonly outlet: Outlet;
  readonly #client: WebSocket;
  readonly #toPublic: (error: GraphQLError) => unknown;
  #connection: Connection | null = null;
  #headers: IncomingHttpHeaders | null;
  #token: TokenWatch | null = null;

  constructor({ client, socket, headers }: Handshake, toPublic: (error: GraphQLError) => unknown) {
    this.outlet = new Outlet(client, socket);
    this.#client = client;
    this.#headers = headers;
    this.#toPublic = toPublic;
  }

  /** Null until the socket is accepted; only then does it count for its account. */
  get token(): TokenWatch | null {
    return this.#token;
  }

  get viewer(): Viewer {
    return this.#token!.viewer;
  }

  get isOpen(): boolean {
    return this.#client.readyState === this.#client.OPEN;
  }

  /** Its headers, once: they hold the token, and nothing of them is needed any more. */
  takeHeaders(): IncomingHttpHeaders {
    const headers = this.#headers ?? {};
    this.#headers = null;
    return headers;
  }

  accept(connection: Connection, token: TokenWatch): void {
    this.#connection = connection;
    this.#token = token;
  }

  close(code: number, reason: string): void {
    this.#client.close(code, reason);
  }

  closeIfExpired(): void {
    this.#token?.closeIfExpired();
  }

  viewerChanged(): void {
    for (const operation of Object.values(this.#subscriptions))
      if (operation instanceof Delivery) operation.viewerChanged();
  }

  /**
   * Takes a subscription over from graphql-ws, which would keep its request, and several functions and promises that
   * wait, for as long as it lasts. It is put back under its id once the library is done with it, within this turn of
   * the event loop: so the library refuses the id a second time, and ends it when the client leaves.
   * @returns what the library is to answer: nothing
   */
  takeOver(id: string, delivery: Delivery): Record<string, never> {
    const wanted = id in this.#connection!.subscriptions;
    delete this.#subscriptions[id];
    process.nextTick(() => {
      if (!wanted || !this.isOpen) {
        void delivery.return();
        return;
      }
      // The library does no more with it than end it.
      this.#subscriptions[id] = delivery as unknown as Operation;
      delivery.start();
    });
    return {};
  }

  ended(id: string, error: unknown): void {
    delete this.#subscriptions[id];
    if (!this.isOpen) return;
    const message =
      error === null
        ? { id, type: "complete" }
        : { id, type: "error", payload: [this.#toPublic(asGraphQLError(error))] };
    this.#client.send(JSON.stringify(message));
  }

  get #subscriptions(): Record<string, Operation> {
    return this.#connection!.subscriptions as Record<string, Operation>;
  }
}

function asGraphQLError(error: unknown): GraphQLError {
  if (error instanceof GraphQLError) return error;
  return new GraphQLError("the subscription failed", { originalError: error as Error });
}
