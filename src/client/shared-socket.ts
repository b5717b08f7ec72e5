import type { GraphQLFormattedError } from "graphql";
import { type Client, createClient, type FormattedExecutionResult, type SubscribePayload } from "graphql-ws";
import { type Closure, closureOf, LOST } from "./closures.ts";
import { type TokenSource, tokenFrom } from "./token-source.ts";

export type OperationEnd =
  | { readonly kind: "complete" }
  | { readonly kind: "refused"; readonly errors: readonly GraphQLFormattedError[] }
  | { readonly kind: "closed"; readonly closure: Closure };

export interface OperationListener {
  next(result: FormattedExecutionResult): void;
  /** Called once at most, as the last; never after unsubscribing. */
  end(end: OperationEnd): void;
}

export interface SocketOptions {
  readonly url: string;
  readonly token: TokenSource;
  readonly webSocketImpl: unknown;
}

/** Subscribes and returns the function that ends the subscription. */
export type Subscribe = (payload: SubscribePayload, listener: OperationListener) => () => void;

/**
 * All subscriptions of a client share one WebSocket, which is opened for the first and closed after the last.
 * Losing it ends them all: each of them alone knows the position from which it must go on.
 */
export function sharedSocket(options: SocketOptions): Subscribe {
  let current: Socket | null = null;
  return (payload, listener) => {
    if (current === null || current.retired) current = new Socket(options);
    return current.subscribe(payload, listener);
  };
}

const CONNECT_TIMEOUT_MS = 15_000;
const PING_INTERVAL_MS = 10_000;
const PONG_TIMEOUT_MS = 10_000;

/**
 * One connection, never reopened: the library's own retry, which it does even without attempts when the code
 * is 1000, would subscribe again with the first variables.
 */
class Socket {
  retired = false;
  readonly #client: Client;
  readonly #operations = new Map<OperationListener, () => void>();
  /** What the network reported; the close event that follows says only 1006. */
  #failure: Closure | null = null;
  #watchdog: ReturnType<typeof setTimeout> | undefined;

  constructor(options: SocketOptions) {
    this.#client = createClient({
      url: options.url,
      webSocketImpl: options.webSocketImpl,
      connectionParams: () => this.#authorize(options.token),
      retryAttempts: 0,
      keepAlive: PING_INTERVAL_MS,
      on: {
        connecting: () => this.#watch(CONNECT_TIMEOUT_MS),
        connected: () => this.#unwatch(),
        ping: (received) => {
          if (!received) this.#watch(PONG_TIMEOUT_MS);
        },
        pong: (received) => {
          if (received) this.#unwatch();
        },
        error: (error) => {
          this.#failure ??= closureOf(error);
        },
        closed: (event) => this.#lost(this.#failure ?? closureOf(event)),
      },
    });
  }

  subscribe(payload: SubscribePayload, listener: OperationListener): () => void {
    const stop = this.#client.subscribe(payload, {
      next: (result) => {
        if (this.#operations.has(listener)) listener.next(result as FormattedExecutionResult);
      },
      error: (error) =>
        this.#end(
          listener,
          Array.isArray(error)
            ? { kind: "refused", errors: error as readonly GraphQLFormattedError[] }
            : { kind: "closed", closure: this.#failure ?? closureOf(error) },
        ),
      complete: () => this.#end(listener, { kind: "complete" }),
    });
    this.#operations.set(listener, stop);
    return () => this.#forget(listener);
  }

  async #authorize(token: TokenSource): Promise<Record<string, unknown>> {
    try {
      return { authorization: `Bearer ${await tokenFrom(token)}` };
    } catch (error) {
      // Whoever makes tokens cannot be reached, most likely: to be tried again, like the server.
      this.#failure = { code: LOST, reason: `no token: ${error}` };
      throw error;
    }
  }

  #end(listener: OperationListener, end: OperationEnd): void {
    if (this.#forget(listener)) listener.end(end);
  }

  #forget(listener: OperationListener): boolean {
    const stop = this.#operations.get(listener);
    if (stop === undefined) return false;
    this.#operations.delete(listener);
    if (this.#operations.size === 0) this.retired = true;
    stop();
    return true;
  }

  #lost(closure: Closure): void {
    this.retired = true;
    this.#unwatch();
    for (const listener of [...this.#operations.keys()]) this.#end(listener, { kind: "closed", closure });
  }

  /** A connection that died without a word is ended here, not by the operating system minutes later. */
  #watch(timeoutMs: number): void {
    this.#unwatch();
    this.#watchdog = setTimeout(() => this.#client.terminate(), timeoutMs);
  }

  #unwatch(): void {
    clearTimeout(this.#watchdog);
  }
}
