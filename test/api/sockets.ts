import { once } from "node:events";
import { type Client, createClient, type FormattedExecutionResult } from "graphql-ws";
import { WebSocket } from "ws";
import { waitFor } from "../support/wait-for.ts";

/** A message of a subscription, with the fields that its document selects. */
export interface StreamMessage {
  readonly __typename: string;
  readonly cursor: string;
  // biome-ignore lint/suspicious/noExplicitAny: what else there is depends on the document
  readonly [field: string]: any;
}

export interface GraphQLProblem {
  readonly message: string;
  readonly extensions: { readonly code: string; readonly correlationId: string };
}

/** One subscription on a socket of its own, without the reconnecting that hides what the server really does. */
export class Subscription implements AsyncDisposable {
  readonly messages: StreamMessage[] = [];
  /** What ended it early: errors of the operation, or the socket's close event. */
  problem: unknown = null;
  completed = false;
  readonly #client: Client;

  constructor(url: string, token: string, query: string, variables: Record<string, unknown> = {}) {
    this.#client = socketClient(url, { authorization: `Bearer ${token}` });
    this.#client.subscribe(
      { query, variables },
      {
        next: (result) => this.#take(result as FormattedExecutionResult),
        error: (error) => {
          this.problem = error;
        },
        complete: () => {
          this.completed = true;
        },
      },
    );
  }

  get types(): string[] {
    return this.messages.map(({ __typename }) => __typename);
  }

  /** Waits for the first message of that kind, and answers all that came up to it. */
  async until(wanted: string | ((message: StreamMessage) => boolean)): Promise<StreamMessage[]> {
    const fits = typeof wanted === "string" ? (m: StreamMessage) => m.__typename === wanted : wanted;
    return await waitFor(
      `a message ${wanted}`,
      () => {
        const index = this.messages.findIndex(fits);
        if (index !== -1) return this.messages.slice(0, index + 1);
        if (this.problem !== null || this.completed)
          throw new Error(`ended before ${wanted}: ${JSON.stringify(this.problem)} ${this.types}`);
        return null;
      },
      { everyMs: 1 },
    );
  }

  /** All messages of a subscription that the server completes. */
  async all(): Promise<StreamMessage[]> {
    await waitFor("the end of the subscription", () => this.completed || this.problem !== null, {
      everyMs: 1,
    });
    if (this.problem !== null) throw new Error(`refused: ${JSON.stringify(this.problem)}`);
    return this.messages;
  }

  /** The errors of a subscription that the server refuses. */
  async refusal(): Promise<GraphQLProblem[]> {
    await waitFor("a refusal", () => this.completed || this.problem !== null, { everyMs: 1 });
    if (!Array.isArray(this.problem)) throw new Error(`not refused: ${JSON.stringify(this.problem)}`);
    return this.problem as GraphQLProblem[];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#client.dispose();
  }

  #take(result: FormattedExecutionResult): void {
    if (result.errors !== undefined) this.problem = result.errors;
    else this.messages.push(Object.values(result.data as Record<string, StreamMessage>)[0]!);
  }
}

/** Without retries and pings of its own. */
export function socketClient(url: string, connectionParams: Record<string, unknown>): Client {
  return createClient({
    url: webSocketUrl(url),
    webSocketImpl: WebSocket,
    connectionParams,
    retryAttempts: 0,
    onNonLazyError: () => undefined,
  });
}

/** A bare socket, for what the protocol's client never does. */
export async function openSocket(url: string, headers: Record<string, string> = {}): Promise<WebSocket> {
  const socket = new WebSocket(webSocketUrl(url), "graphql-transport-ws", { headers });
  await once(socket, "open");
  return socket;
}

export interface Closing {
  readonly code: number;
  readonly reason: string;
}

export async function closingOf(socket: WebSocket): Promise<Closing> {
  const [code, reason] = (await once(socket, "close", { signal: AbortSignal.timeout(10_000) })) as [
    number,
    Buffer,
  ];
  return { code, reason: reason.toString() };
}

/** The next protocol message of a bare socket. */
export async function nextFrame(
  socket: WebSocket,
): Promise<{ type: string; id?: string; payload?: unknown }> {
  const [data] = (await once(socket, "message", { signal: AbortSignal.timeout(10_000) })) as [Buffer];
  return JSON.parse(data.toString());
}

function webSocketUrl(url: string): string {
  return `${url.replace(/^http/, "ws")}/graphql`;
}
