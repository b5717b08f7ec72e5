import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setImmediate } from "node:timers/promises";
import { buildSchema, GraphQLError, type GraphQLFieldResolver, graphql } from "graphql";
import { createHandler } from "graphql-sse/lib/use/http";
import { useServer as serveGraphQL } from "graphql-ws/use/ws";
import { WebSocketServer } from "ws";

const schema = buildSchema(`
  type Query { greeting(name: String!): String!, broken: String, halfBroken: [String] }
  type Mutation { rename(to: String!): RenamePayload! }
  type RenamePayload { userErrors: [UserError!]! }
  type UserError { code: String!, message: String! }
  input StreamPosition @oneOf { cursor: String, at: StreamEdge }
  enum StreamEdge { START HEAD }
  interface StreamMessage { cursor: String! }
  type Tick implements StreamMessage { cursor: String!, n: Int! }
  type CaughtUp implements StreamMessage { cursor: String! }
  type Reset implements StreamMessage { cursor: String!, reason: String! }
  type Checkpoint implements StreamMessage { cursor: String! }
  type Subscription { ticks(topic: String!, after: StreamPosition!): StreamMessage }
`);

export interface Message {
  readonly __typename: "Tick" | "CaughtUp" | "Reset" | "Checkpoint";
  readonly cursor: string;
  readonly n?: number;
  readonly reason?: string;
}

interface TicksArguments {
  readonly topic: string;
  readonly after: { readonly cursor?: string; readonly at?: "START" | "HEAD" };
}

/** What outlives a restart of the server, as the database would. */
export class History {
  readonly ticks: Message[] = [];
  finished = false;
  /** Makes the server repeat that many messages after a resume, which a correct one never does. */
  repeats = 0;
  /** A resume from a position before this one gets a Reset. */
  oldest = 0;
  readonly #listeners = new Set<() => void>();

  /** As on a filtered stream: the position moves, and there is nothing to tell. */
  checkpoint(): void {
    this.ticks.push({ __typename: "Checkpoint", cursor: `c${this.ticks.length + 1}` });
    this.notify();
  }

  emit(count: number): void {
    for (let i = 0; i < count; i++) {
      const n = this.ticks.length + 1;
      this.ticks.push({ __typename: "Tick", cursor: `c${n}`, n });
    }
    this.notify();
  }

  finish(): void {
    this.finished = true;
    this.notify();
  }

  notify(): void {
    for (const listener of [...this.#listeners]) listener();
  }

  changed(): Promise<void> {
    return new Promise((resolve) => {
      const listener = () => {
        this.#listeners.delete(listener);
        resolve();
      };
      this.#listeners.add(listener);
    });
  }
}

/** An honest implementation of the stream contract over both transports: replay, CaughtUp, live, complete. */
export class StreamServer {
  readonly history: History;
  readonly subscriptions: TicksArguments[] = [];
  connections = 0;
  sent = 0;
  /** Overrides the answer to a subscription. */
  refuse: (() => GraphQLError) | null = null;
  breakOn: number | null = null;
  breakWith = "INTERNAL_SERVER_ERROR";
  acceptedToken = "good";
  /** HTTP status of every event stream. */
  refuseStreams: number | null = null;
  readonly #http: Server;
  readonly #sockets: WebSocketServer;
  readonly #streams = new Set<ServerResponse>();
  readonly #serveStream = createHandler({
    schema,
    authenticate: () => null,
    context: () => ({ server: this }) as never,
  });

  private constructor(history: History) {
    this.history = history;
    this.#http = createServer((request, response) => {
      if (request.url === "/graphql/stream") {
        void this.#stream(request, response);
        return;
      }
      const chunks: Buffer[] = [];
      request.on("data", (chunk: Buffer) => chunks.push(chunk));
      request.on("end", async () => {
        if (request.headers.authorization !== `Bearer ${this.acceptedToken}`) {
          response.writeHead(401).end("who are you?");
          return;
        }
        const { query, variables } = JSON.parse(Buffer.concat(chunks).toString());
        const result = await graphql({ schema, source: query, variableValues: variables, rootValue: root });
        response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(result));
      });
    });
    this.#sockets = new WebSocketServer({ server: this.#http, path: "/graphql" });
    const ticks = schema.getSubscriptionType()!.getFields()["ticks"]!;
    ticks.subscribe = ((_source, args: TicksArguments, context: { server: StreamServer }) =>
      context.server.#ticks(args)) as GraphQLFieldResolver<unknown, unknown, TicksArguments>;
    ticks.resolve = ({ ticks: message }: { ticks: Message }) => {
      if (message.n !== undefined && message.n === this.breakOn) {
        throw new GraphQLError("resolver broke", { extensions: { code: this.breakWith } });
      }
      return message;
    };
    serveGraphQL(
      {
        schema,
        context: () => ({ server: this }),
        onConnect: ({ connectionParams, extra }) => {
          this.connections++;
          if (connectionParams?.["authorization"] === `Bearer ${this.acceptedToken}`) return true;
          extra.socket.close(4401, "Unauthorized");
          return new Promise<boolean>(() => {});
        },
      },
      this.#sockets,
    );
  }

  static async start(history = new History(), port = 0): Promise<StreamServer> {
    const server = new StreamServer(history);
    await new Promise<void>((resolve, reject) => {
      server.#http.once("error", reject).listen(port, "127.0.0.1", resolve);
    });
    return server;
  }

  get port(): number {
    return (this.#http.address() as AddressInfo).port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  get openSockets(): number {
    return this.#sockets.clients.size + this.#streams.size;
  }

  kill(): void {
    for (const socket of this.#sockets.clients) socket.terminate();
    for (const { socket } of this.#streams) socket?.destroy();
  }

  /** Ends event streams in good order and without completing them, as a server does that shuts down. */
  endStreams(): void {
    for (const response of this.#streams) response.end();
  }

  close(code: number, reason = ""): void {
    for (const socket of this.#sockets.clients) socket.close(code, reason);
  }

  async stop(): Promise<void> {
    this.kill();
    this.#http.closeAllConnections();
    await new Promise((resolve) => this.#http.close(resolve));
  }

  async #stream(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.connections++;
    if (request.headers.authorization !== `Bearer ${this.acceptedToken}`) {
      response.writeHead(401).end("who are you?");
      return;
    }
    if (this.refuseStreams !== null) {
      response.writeHead(this.refuseStreams).end();
      return;
    }
    this.#streams.add(response);
    response.once("close", () => this.#streams.delete(response));
    await this.#serveStream(request, response).catch(() => response.destroy());
  }

  #ticks(args: TicksArguments): AsyncIterableIterator<{ ticks: Message }> {
    this.subscriptions.push(args);
    if (this.refuse !== null) throw this.refuse();
    const { history } = this;
    const pending = this.#opening(args);
    let next = this.#firstIndex(args);
    let caughtUp = false;
    let stopped = false;
    const take = async (): Promise<IteratorResult<{ ticks: Message }>> => {
      for (;;) {
        if (stopped) return { done: true, value: undefined };
        const message = pending.shift() ?? history.ticks[next];
        if (message !== undefined) {
          if (message.__typename === "Tick" || message.__typename === "Checkpoint") next++;
          this.sent++;
          // As over a network: the client's side of this process gets its turn between two messages.
          await setImmediate();
          return { done: false, value: { ticks: message } };
        }
        if (!caughtUp) {
          caughtUp = true;
          pending.push({ __typename: "CaughtUp", cursor: `c${next}` });
        } else if (history.finished) return { done: true, value: undefined };
        else await history.changed();
      }
    };
    return {
      [Symbol.asyncIterator]() {
        return this;
      },
      next: take,
      return: async () => {
        stopped = true;
        history.notify();
        return { done: true, value: undefined };
      },
    };
  }

  #firstIndex({ after }: TicksArguments): number {
    if (after.at !== undefined) return after.at === "START" ? 0 : this.history.ticks.length;
    const index = Number(after.cursor!.slice(1));
    return index < this.history.oldest ? this.history.oldest : Math.max(0, index - this.history.repeats);
  }

  #opening({ after }: TicksArguments): Message[] {
    const expired = after.cursor !== undefined && Number(after.cursor.slice(1)) < this.history.oldest;
    return expired ? [{ __typename: "Reset", cursor: `c${this.history.oldest}`, reason: "RETENTION" }] : [];
  }
}

const root = {
  greeting: ({ name }: { name: string }) => `hello ${name}`,
  broken: () => {
    throw new GraphQLError("not for you", { extensions: { code: "FORBIDDEN", correlationId: "abc-1" } });
  },
  halfBroken: () => ["fine", new GraphQLError("one of two", { extensions: { code: "NOT_FOUND" } })],
  rename: () => ({ userErrors: [{ code: "INVALID_STATE", message: "already gone" }] }),
};
