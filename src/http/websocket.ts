import type { IncomingMessage, Server } from "node:http";
import type { Duplex } from "node:stream";
import { GraphQLError } from "graphql";
import type { Context as Connection } from "graphql-ws";
import { useServer as attachProtocol, type Extra } from "graphql-ws/use/ws";
import { WebSocketServer } from "ws";
import type { Viewer } from "../domain/access.ts";
import { createContext, type RequestContext } from "../graphql/context.ts";
import { apiError, publicError } from "../graphql/errors.ts";
import { correlationId } from "../observability/correlation-id.ts";
import { tokenOf } from "./authenticate.ts";
import type { GraphqlEndpoint } from "./graphql-endpoint.ts";
import { prepareOperation } from "./prepare-operation.ts";
import { TokenWatch } from "./token-watch.ts";

const MAX_MESSAGE_BYTES = 64 * 1024;
const INIT_WAIT_MS = 3_000;
/** Keep-alive pings, and so how soon a half-open socket is found. */
const PING_MS = 10_000;
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

interface SocketExtra extends Extra, Record<PropertyKey, unknown> {
  /** Set once the socket is accepted; only then does it count for its account. */
  token?: TokenWatch;
}
type Parameters = Record<string, unknown> | undefined;
type Socket = Connection<Parameters, SocketExtra>;

/** Subscriptions (and any other operation) over graphql-ws at /graphql. */
export function serveWebSocket(server: Server, options: WebSocketOptions): AsyncDisposable {
  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload: MAX_MESSAGE_BYTES,
    perMessageDeflate: false,
  });
  const perAccount = new Map<string, number>();
  const protocol = attachProtocol<Parameters, SocketExtra>(
    {
      schema: options.schema,
      connectionInitWaitTimeout: INIT_WAIT_MS,
      // Otherwise the reason of a close tells what went wrong inside.
      isProd: true,
      onConnect: async (socket) => await accept(socket, perAccount, options),
      onClose: ({ extra }) => {
        if (extra.token === undefined) return;
        extra.token[Symbol.dispose]();
        countSocket(perAccount, extra.token.viewer, -1);
      },
      onSubscribe: async (socket, _id, payload) => {
        const refused = await refuseOperation(socket);
        if (refused !== null) return [refused];
        return prepareOperation(options.schema, payload, contextOf(socket.extra.token!, options));
      },
      onError: (_socket, _id, _payload, errors) =>
        errors.map((error) => toPublic(error, correlationId(), options)),
      onNext: ({ extra }, _id, _payload, args, result) => {
        extra.token?.closeIfExpired();
        if (result.errors === undefined) return undefined;
        const id = (args.contextValue as RequestContext).correlationId;
        return { ...result, errors: result.errors.map((error) => toPublic(error, id, options)) };
      },
    },
    sockets,
    PING_MS,
  );
  const onUpgrade = (request: IncomingMessage, socket: Duplex, head: Buffer): void => {
    // An upgraded socket is ours alone: without a listener, a client that resets it would end the process.
    socket.on("error", () => socket.destroy());
    const status = refusedUpgrade(request, options.allowedOrigins);
    if (status !== null) {
      socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\n\r\n`);
      return;
    }
    sockets.handleUpgrade(request, socket, head, (client) => sockets.emit("connection", client, request));
  };
  server.on("upgrade", onUpgrade);
  return {
    async [Symbol.asyncDispose]() {
      server.off("upgrade", onUpgrade);
      await protocol.dispose();
    },
  };
}

async function accept(
  { extra, connectionParams }: Socket,
  perAccount: Map<string, number>,
  { authenticator, services, logger }: WebSocketOptions,
): Promise<boolean> {
  const { socket, request } = extra;
  const refuse = (code: number, reason: string): false => {
    socket.close(code, reason);
    return false;
  };
  try {
    const token = tokenOf({ ...request.headers, ...lowerCase(connectionParams) });
    const viewer = await authenticator.viewerOf(token);
    if (token === null || viewer === null) return refuse(UNAUTHORIZED, "Unauthorized");
    // Gone meanwhile: `onClose` has been called already and would not take it off the count again.
    if (socket.readyState !== socket.OPEN) return false;
    if ((perAccount.get(viewer.accountId) ?? 0) >= MAX_SOCKETS_PER_ACCOUNT)
      return refuse(TOO_MANY_SOCKETS, "Too many sockets");
    countSocket(perAccount, viewer, 1);
    extra.token = new TokenWatch({ token, viewer, socket, authenticator, clock: services.engine.clock });
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
  const request = { correlationId: correlationId(), requestBytes: 0, signal: shutdown };
  const context = createContext(services, { ...request, viewer: token.viewer });
  // Roles may change while a subscription lasts.
  return Object.defineProperty(context, "viewer", { get: () => token.viewer });
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

function toPublic(error: GraphQLError, id: string, { logger }: WebSocketOptions) {
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
