import type { Server as HttpServer, IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { createSourceEventStream, type ExecutionArgs, type ExecutionResult, GraphQLError } from "graphql";
import { makeServer, type Server } from "graphql-ws";
import { createContext, type RequestContext } from "../graphql/context.ts";
import { apiError } from "../graphql/errors.ts";
import { LiveSubscription } from "../graphql/live-subscription.ts";
import { correlationId } from "../observability/correlation-id.ts";
import { AccountLimit } from "./account-limit.ts";
import { isAllowedOrigin } from "./allowed-origin.ts";
import { tokenOf } from "./authenticate.ts";
import type { GraphqlEndpoint } from "./graphql-endpoint.ts";
import { Channels } from "./live/channels.ts";
import { Delivery } from "./live/delivery.ts";
import { executeEach } from "./live/execute-each.ts";
import { Renderer, type ToPublic } from "./live/render.ts";
import { type Connection, type Parameters, type Place, SocketSession } from "./live/socket-session.ts";
import { Sockets } from "./live/sockets.ts";
import { prepareOperation } from "./prepare-operation.ts";
import { toPublicError } from "./public-error.ts";
import type { TokenWatch, TokenWatches } from "./token-watch.ts";

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
  readonly watches: TokenWatches;
}

/** What graphql-ws hands on from the check of an operation to its execution. */
interface Operation extends ExecutionArgs {
  readonly id: string;
  readonly session: SocketSession;
  readonly place: Place;
}

/** Subscriptions (and any other operation) over graphql-ws at /graphql. */
export function serveWebSocket(server: HttpServer, options: WebSocketOptions): AsyncDisposable {
  const toPublic = (errors: readonly GraphQLError[], { correlationId: id }: RequestContext) =>
    errors.map((error) => toPublicError(error, id, options.logger));
  const log = (error: unknown): void => options.logger.error({ err: error }, "a socket failed");
  const sockets = new Sockets({
    protocol: makeProtocol(options, new Channels(toPublic, log), toPublic),
    makeExtra: (handshake) =>
      new SocketSession(handshake, (error) => toPublicError(error, correlationId(), options.logger)),
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

function makeProtocol(
  options: WebSocketOptions,
  channels: Channels,
  toPublic: ToPublic,
): Server<SocketSession> {
  const perAccount = new AccountLimit(MAX_SOCKETS_PER_ACCOUNT);
  return makeServer<Parameters, SocketSession & Record<PropertyKey, unknown>>({
    schema: options.schema,
    connectionInitWaitTimeout: INIT_WAIT_MS,
    onConnect: async (connection) => await accept(connection, perAccount, options),
    onClose: ({ extra: session }) => {
      session.end();
      if (session.token !== null) perAccount.giveBack(session.token.viewer.accountId);
    },
    onSubscribe: async (connection, id, payload) => {
      const session: SocketSession = connection.extra;
      const place = session.claim(id);
      const refused = await refuseOperation(connection);
      if (refused !== null) return [refused];
      const prepared = prepareOperation(options.schema, payload, contextOf(session.token!, options));
      return "schema" in prepared ? { ...prepared, id, session, place } : prepared;
    },
    subscribe: async (args) => await subscribe(args as Operation, channels, toPublic),
    onError: (_connection, _id, _payload, errors) =>
      errors.map((error) => toPublicError(error, correlationId(), options.logger)),
    onNext: ({ extra }, _id, _payload, args, result) => {
      extra.closeIfExpired();
      const errors = (result.errors ?? []).filter((error) => error instanceof GraphQLError);
      if (errors.length === 0) return result as ExecutionResult;
      return { ...result, errors: toPublic(errors, args.contextValue as RequestContext) } as ExecutionResult;
    },
  }) as Server<SocketSession>;
}

/** Streams that many may follow are served together; others one by one. */
async function subscribe(
  { id, session, place, ...args }: Operation,
  channels: Channels,
  toPublic: ToPublic,
): Promise<AsyncIterableIterator<ExecutionResult> | ExecutionResult> {
  const source = await createSourceEventStream(args);
  if (!(Symbol.asyncIterator in source)) return source;
  if (!(source instanceof LiveSubscription))
    return executeEach(source, new Renderer(args, toPublic)) as AsyncIterableIterator<ExecutionResult>;
  (args.contextValue as RequestContext).forget();
  const delivery = { subscription: source, args, operationId: id, receiver: session, channels };
  return session.takeOver(id, place, new Delivery(delivery));
}

async function accept(
  connection: Connection,
  perAccount: AccountLimit,
  { authenticator, watches, logger }: WebSocketOptions,
): Promise<boolean> {
  const session: SocketSession = connection.extra;
  const parameters = lowerCase(connection.connectionParams);
  // The library would keep them, and with them the token.
  delete (connection as { connectionParams?: unknown }).connectionParams;
  const refuse = (code: number, reason: string): false => {
    session.close(code, reason);
    return false;
  };
  try {
    const token = tokenOf({ ...session.takeHeaders(), ...parameters });
    const viewer = await authenticator.viewerOf(token);
    if (token === null || viewer === null) return refuse(UNAUTHORIZED, "Unauthorized");
    // Gone meanwhile: `onClose` has been called already and would not take it off the count again.
    if (!session.isOpen) return false;
    if (!perAccount.take(viewer.accountId)) return refuse(TOO_MANY_SOCKETS, "Too many sockets");
    session.accept(connection, watches.watch(token, viewer, session));
    return true;
  } catch (error) {
    logger.error({ err: error }, "a socket could not be opened");
    return refuse(INTERNAL_ERROR, "Internal server error");
  }
}

function contextOf(token: TokenWatch, { services, shutdown }: WebSocketOptions): RequestContext {
  return createContext(services, {
    correlationId: correlationId(),
    signal: shutdown,
    viewer: () => token.viewer,
  });
}

async function refuseOperation({ extra, subscriptions }: Connection): Promise<GraphQLError | null> {
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

function refusedUpgrade({ url, headers }: IncomingMessage, allowedOrigins: readonly string[]): string | null {
  if (url?.split("?")[0] !== "/graphql") return "404 Not Found";
  return isAllowedOrigin(headers, allowedOrigins) ? null : "403 Forbidden";
}

function lowerCase(parameters: Parameters): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(parameters ?? {}).map(([name, value]) => [name.toLowerCase(), value]),
  );
}
