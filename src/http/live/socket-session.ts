import type { IncomingHttpHeaders } from "node:http";
import { GraphQLError } from "graphql";
import type { Context } from "graphql-ws";
import type { WebSocket } from "ws";
import type { Viewer } from "../../domain/access.ts";
import type { Carrier, TokenWatch } from "../token-watch.ts";
import type { Delivery, Receiver } from "./delivery.ts";
import { Outlet } from "./outlet.ts";
import type { Handshake } from "./sockets.ts";

export type Parameters = Record<string, unknown> | undefined;
/** What graphql-ws knows of a socket. */
export type Connection = Context<Parameters, SocketSession & Record<PropertyKey, unknown>>;
type Operation = NonNullable<Connection["subscriptions"][string]>;

/** Stands for an operation until it runs; whoever leaves before that has left it. */
export class Place {
  left = false;

  return(): IteratorResult<never, undefined> {
    this.left = true;
    return { done: true, value: undefined };
  }

  /** Only so that graphql-ws knows it for something that it can end. */
  [Symbol.asyncIterator](): this {
    return this;
  }
}

/** One socket: whose it is, and what it is sent besides what graphql-ws sends. */
export class SocketSession implements Receiver, Carrier {
  readonly outlet: Outlet;
  readonly #client: WebSocket;
  readonly #toPublic: (error: GraphQLError) => unknown;
  readonly #deliveries = new Set<Delivery>();
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
    for (const delivery of this.#deliveries) delivery.viewerChanged();
  }

  /** Puts a place in for an operation that graphql-ws has just entered: it tells operations with one id apart. */
  claim(id: string): Place {
    const place = new Place();
    this.#subscriptions[id] = place as unknown as Operation;
    return place;
  }

  /**
   * Takes a subscription over from graphql-ws, which would keep its request, and several functions and promises that
   * wait, for as long as it lasts. It is put back under its id once the library is done with it, within this turn of
   * the event loop: so the library refuses the id a second time, and ends it when the client leaves.
   * @returns what the library is to answer: nothing
   */
  takeOver(id: string, place: Place, delivery: Delivery): Record<string, never> {
    // Of a newer operation, when the client left this one and used its id again meanwhile.
    const newer = this.#subscriptions[id];
    delete this.#subscriptions[id];
    process.nextTick(() => {
      if (place.left || !this.isOpen) {
        if (newer !== undefined && !(id in this.#subscriptions)) this.#subscriptions[id] = newer;
        void delivery.return();
        return;
      }
      // The library does no more with it than end it.
      this.#subscriptions[id] = delivery as unknown as Operation;
      this.#deliveries.add(delivery);
      delivery.start();
    });
    return {};
  }

  ended(id: string, delivery: Delivery, error: unknown): void {
    this.#deliveries.delete(delivery);
    if (this.#subscriptions[id] !== (delivery as unknown)) return;
    delete this.#subscriptions[id];
    if (!this.isOpen) return;
    const message =
      error === null
        ? { id, type: "complete" }
        : { id, type: "error", payload: [this.#toPublic(asGraphQLError(error))] };
    this.#client.send(JSON.stringify(message));
  }

  /** The client has left one. */
  left(delivery: Delivery): void {
    this.#deliveries.delete(delivery);
  }

  /** The socket is gone, and with it whatever graphql-ws has lost sight of. */
  end(): void {
    for (const delivery of this.#deliveries) void delivery.return();
    this.#token?.[Symbol.dispose]();
  }

  get #subscriptions(): Record<string, Operation> {
    return this.#connection!.subscriptions as Record<string, Operation>;
  }
}

function asGraphQLError(error: unknown): GraphQLError {
  if (error instanceof GraphQLError) return error;
  return new GraphQLError("the subscription failed", { originalError: error as Error });
}
