import type { IncomingHttpHeaders, IncomingMessage, Server } from "node:http";
import type { Duplex } from "node:stream";
import { createSourceEventStream, type ExecutionArgs, type ExecutionResult, GraphQLError } from "graphql";
import { type Context as Connection, makeServer } from "graphql-ws";
import type { WebSocket } from "ws";
import type { Viewer } from "../domain/access.ts";
import { createContext, type RequestContext } from "../graphql/context.ts";
import { apiError, publicError } from "../graphql/errors.ts";
import { LiveSubscription } from "../graphql/live-subscription.ts";
import { correlationId } from "../observability/correlation-id.ts";
import { tokenOf } from "./authenticate.ts";
import type { GraphqlEndpoint } from "./graphql-endpoint.ts";
import { Channels } from "./live/channels.ts";
import { Delivery } from "./live/delivery.ts";
import { executeEach } from "./live/execute-each.ts";
import { Outlet } from "./live/outlet.ts";
import { Renderer, type ToPublic } from "./live/render.ts";
import { Sockets } from "./live/sockets.ts";
import { prepareOperation } from "./prepare-operation.ts";
import { TokenWatch } from "./token-watch.ts";

const INIT_WAIT_MS = 3_000;
const MAX_SUBSCRIPTIONS = 50;
const MAX_SOCKETS_PER_ACCOUNT = 20;
/** graphql-ws's own code for a connection that may not be. */
const UNAUTHORIZED = 4401;
const TOO_MANY_SOCKETS = 4429;
const INTERNAL_ERROR = 4500;

export interface WebSocketOptions extends GraphqlEndpoint {
  /** Origins of pages that may connect; the server's own always may, and so may programs, which send none. */
  readonly allowedOrigins: readonly string[];
}

interface SocketExtra {
  readonly client: WebSocket;
  readonly outlet: Outlet;
  /** Until the socket is accepted; then null, for nothing of them is needed any more. */
  headers: IncomingHttpHeaders | null;
  /** Set once the socket is accepted; only then does it count for its account. */
  token?: TokenWatch;
  readonly deliveries: Set<Delivery>;
}
type Parameters = Record<string, unknown> | undefined;
type Socket = Connection<Parameters, SocketExtra & Record<PropertyKey, unknown>>;

/** What graphql-ws hands on from the check of an operation to its execution. */
interface Operation extends ExecutionArgs {
  readonly id: string;
  readonly extra: SocketExtra;
}

/** Subscriptions (and any other operation) over graphql-ws at /graphql. */
export function serveWebSocket(server: Server, options: WebSocketOptions): AsyncDisposable {
  const toPublic = (errors: readonly GraphQLError[], { correlationId: id }: RequestContext) =>
    errors.map((error) => toPublicError(error, id, options));
  const log = (error: unknown): void => options.logger.error({ err: error }, "a socket failed");
  const channels = new Channels(toPublic, log);
  const sockets = new Sockets({
    protocol: makeProtocol(options, channels, toPublic),
    makeExtra: ({ client, socket, headers }) => ({
      client,
      headers,
      outlet: new Outlet(client, socket),
      deliveries: new Set<Delivery>(),
    }),
    onError: log,
  });
  const onUpgrade = (request: IncomingMessage, socket: Duplex, head: Buffer): void => {
    // An upgraded socket is ours alone: without a listener, a client that resets it would end the process.
    socket.on("error", () => socket.destroy());
    const status = refusedUpgrade(request, options.allowedOrigins);
    if (status === null) sockets.upgrade(request, socket, head);
    else socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\n\r\n`);
  };
  server.on("upgrade", onUpgrade);
  return {
    async [Symbol.asyncDispose]() {
      server.off("upgrade", onUpgrade);
      await sockets[Symbol.asyncDispose]();
    },
  };
}

function makeProtocol(options: WebSocketOptions, channels: Channels, toPublic: ToPublic) {
  const perAccount = new Map<string, number>();
  return makeServer<Parameters, SocketExtra & Record<PropertyKey, unknown>>({
    schema: options.schema,
    connectionInitWaitTimeout: INIT_WAIT_MS,
    onConnect: async (socket) => await accept(socket, perAccount, options),
    onClose: ({ extra }) => {
      if (extra.token === undefined) return;
      extra.token[Symbol.dispose]();
      countSocket(perAccount, extra.token.viewer, -1);
    },
    onSubscribe: async (socket, id, payload) => {
      const refused = await refuseOperation(socket);
      if (refused !== null) return [refused];
      const { extra } = socket;
      const prepared = prepareOperation(options.schema, payload, contextOf(extra.token!, options));
      return "schema" in prepared ? { ...prepared, id, extra } : prepared;
    },
    subscribe: async (args) => await subscribe(args as Operation, channels, toPublic),
    onError: (_socket, _id, _payload, errors) =>
      errors.map((error) => toPublicError(error, correlationId(), options)),
    onNext: ({ extra }, _id, _payload, args, result) => {
      extra.token?.closeIfExpired();
      const errors = (result.errors ?? []).filter((error) => error instanceof GraphQLError);
      if (errors.length === 0) return result as ExecutionResult;
      return { ...result, errors: toPublic(errors, args.contextValue as RequestContext) } as ExecutionResult;
    },
  });
}

/** Streams that many may follow are served together; others one by one. */
async function subscribe(
  { id, extra, ...args }: Operation,
  channels: Channels,
  toPublic: ToPublic,
): Promise<AsyncIterableIterator<ExecutionResult> | ExecutionResult> {
  const source = await createSourceEventStream(args);
  if (!(Symbol.asyncIterator in source)) return source;
  if (!(source instanceof LiveSubscription))
    return executeEach(source, new Renderer(args, toPublic)) as AsyncIterableIterator<ExecutionResult>;
  (args.contextValue as RequestContext).forget();
  const token = extra.token!;
  const receiver = {
    outlet: extra.outlet,
    viewer: () => token.viewer,
    closeIfExpired: () => token.closeIfExpired(),
  };
  const { deliveries } = extra;
  const delivery: Delivery = new Delivery({
    subscription: source,
    args,
    operationId: id,
    receiver,
    channels,
    onEnd: () => void deliveries.delete(delivery),
  });
  deliveries.add(delivery);
  return delivery;
}

async function accept(
  { extra, connectionParams }: Socket,
  perAccount: Map<string, number>,
  { authenticator, services, logger }: WebSocketOptions,
): Promise<boolean> {
  const { client: socket, headers } = extra;
  extra.headers = null;
  const refuse = (code: number, reason: string): false => {
    socket.close(code, reason);
    return false;
  };
  try {
    const token = tokenOf({ ...headers, ...lowerCase(connectionParams) });
    const viewer = await authenticator.viewerOf(token);
    if (token === null || viewer === null) return refuse(UNAUTHORIZED, "Unauthorized");
    // Gone meanwhile: `onClose` has been called already and would not take it off the count again.
    if (socket.readyState !== socket.OPEN) return false;
    if ((perAccount.get(viewer.accountId) ?? 0) >= MAX_SOCKETS_PER_ACCOUNT)
      return refuse(TOO_MANY_SOCKETS, "Too many sockets");
    countSocket(perAccount, viewer, 1);
    extra.token = new TokenWatch({
      token,
      viewer,
      socket,
      authenticator,
      clock: services.engine.clock,
      onChecked: () => {
        for (const delivery of extra.deliveries) delivery.viewerChanged();
      },
    });
    return true;
  } catch (error) {
    logger.error({ err: error }, "a socket could not be opened");
    return refuse(INTERNAL_ERROR, "Internal server error");
  }
}

function countSocket(perAccount: Map<string, number>, { accountId }: Viewer, change: 1 | -1): void {
  const next = (perAccount.get(accountId) ?? 0) + change;
  if (next === 0) perAccount.delete(accountId);
  else perAccount.set(accountId, next);
}

function contextOf(token: TokenWatch, { services, shutdown }: WebSocketOptions): RequestContext {
  return createContext(services, {
    correlationId: correlationId(),
    requestBytes: 0,
    signal: shutdown,
    get viewer() {
      return token.viewer;
    },
  });
}

async function refuseOperation({ extra, subscriptions }: Socket): Promise<GraphQLError | null> {
  // graphql-ws has entered this one already.
  if (Object.keys(subscriptions).length > MAX_SUBSCRIPTIONS) {
    return apiError("QUERY_TOO_COMPLEX", `a socket carries at most ${MAX_SUBSCRIPTIONS} operations at once`);
  }
  try {
    return (await extra.token!.check()) ? null : apiError("UNAUTHENTICATED", "the token has ended");
  } catch (error) {
    return new GraphQLError("the token could not be checked", { originalError: error as Error });
  }
}

function toPublicError(error: GraphQLError, id: string, { logger }: WebSocketOptions) {
  return publicError(error, id, (cause) =>
    logger.error({ err: cause, correlationId: id }, "an operation failed"),
  );
}

function refusedUpgrade({ url, headers }: IncomingMessage, allowedOrigins: readonly string[]): string | null {
  if (url?.split("?")[0] !== "/graphql") return "404 Not Found";
  const { origin, host } = headers;
  if (origin === undefined || allowedOrigins.includes(origin)) return null;
  const own = URL.canParse(origin) && new URL(origin).host === host;
  return own ? null : "403 Forbidden";
}

function lowerCase(parameters: Parameters): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(parameters ?? {}).map(([name, value]) => [name.toLowerCase(), value]),
  );
}
