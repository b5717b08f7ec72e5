import { documentText, type RuncastDocument } from "./documents.ts";
import { type Endpoints, endpointsOf } from "./endpoints.ts";
import { eventStreams } from "./event-streams.ts";
import { type Connection, Follower, type FollowOptions } from "./follow.ts";
import { type MessageObserver, observe } from "./observe.ts";
import { sendRequest } from "./send-request.ts";
import { sharedSocket } from "./shared-socket.ts";
import type { MessageOf } from "./stream-message.ts";
import { isRenewable, type TokenSource } from "./token-source.ts";

export type { RuncastDocument } from "./documents.ts";
export { RuncastConnectionError, RuncastRequestError } from "./errors.ts";
export type { FollowOptions, Retry } from "./follow.ts";
export type { MessageObserver } from "./observe.ts";
export type { MessageOf, StreamMessage } from "./stream-message.ts";
export type { TokenSource } from "./token-source.ts";

export interface RuncastClientOptions {
  /** Of the server, with or without its `/graphql`. */
  readonly url: string;
  /** Or a function that is asked for every connection and request; then a refused token is exchanged once. */
  readonly token: TokenSource;
  /** How subscriptions travel: `event-stream` gets through where WebSockets do not. Default: `web-socket`. */
  readonly transport?: "web-socket" | "event-stream";
  /** The WebSocket class; needed where there is no global one (Node before 22: that of the package `ws`). */
  readonly webSocketImpl?: unknown;
  readonly fetchImpl?: typeof fetch;
}

export interface RequestOptions {
  readonly signal?: AbortSignal;
}

/** Variables may be left out where the document has no required ones. */
type RequestArguments<Variables> =
  Record<string, never> extends Variables
    ? [variables?: Variables, options?: RequestOptions]
    : [variables: Variables, options?: RequestOptions];

export interface RuncastClient {
  /**
   * Sends a query or mutation. Domain refusals (`userErrors`) are part of the data.
   * @throws RuncastRequestError when the answer has top-level errors or is no GraphQL answer
   * @throws RuncastConnectionError when there was no answer; a mutation may have been carried out
   */
  request<Result, Variables = Record<string, unknown>>(
    document: RuncastDocument<Result, Variables>,
    ...rest: RequestArguments<Variables>
  ): Promise<Result>;

  /**
   * Iterates over the messages of a subscription, each of them once and in order, across lost connections and
   * restarts of the server: it subscribes again behind the last message it saw. Ends when the server completes
   * the subscription.
   * @throws RuncastConnectionError on a close code that a new attempt cannot cure (4401, 4403, ...)
   * @throws RuncastRequestError when the server refuses the operation
   */
  follow<Result, Variables = Record<string, unknown>>(
    options: FollowOptions<Result, Variables>,
  ): AsyncIterableIterator<MessageOf<Result>, undefined>;

  /**
   * The same for code that wants to be called, such as a page: hands the messages of `follow` to an observer.
   * @returns the function that unsubscribes; the observer is not called after it
   */
  subscribe<Result, Variables = Record<string, unknown>>(
    options: FollowOptions<Result, Variables>,
    observer: MessageObserver<Result>,
  ): () => void;
}

export function createRuncastClient(options: RuncastClientOptions): RuncastClient {
  const endpoints = endpointsOf(options.url);
  const target = { url: endpoints.http, token: options.token, fetchImpl: options.fetchImpl ?? fetch };
  const connection = connect(options, endpoints);
  return {
    request: async <Result, Variables>(
      document: RuncastDocument<Result, Variables>,
      ...[variables, requestOptions]: RequestArguments<Variables>
    ) => {
      const query = documentText(document as RuncastDocument<never, never>);
      return (await sendRequest(target, { query, variables }, requestOptions?.signal)) as Result;
    },
    follow: (followOptions) => new Follower(connection, followOptions),
    subscribe: (followOptions, observer) => observe(new Follower(connection, followOptions), observer),
  };
}

function connect(options: RuncastClientOptions, endpoints: Endpoints): Connection {
  const { token, transport = "web-socket", fetchImpl = fetch } = options;
  const renewsToken = isRenewable(token);
  if (transport === "event-stream") {
    return { subscribe: eventStreams({ url: endpoints.eventStream, token, fetchImpl }), renewsToken };
  }
  if (transport !== "web-socket") throw new TypeError(`There is no transport "${transport}"`);
  const webSocketImpl = options.webSocketImpl ?? (globalThis as { WebSocket?: unknown }).WebSocket;
  return { subscribe: sharedSocket({ url: endpoints.webSocket, token, webSocketImpl }), renewsToken };
}
