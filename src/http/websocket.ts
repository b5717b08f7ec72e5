import type { IncomingMessage, Server } from "node:http";
import type { Duplex } from "node:stream";
import { type ExecutionArgs, GraphQLError, parse, specifiedRules, validate } from "graphql";
import type { Context as Connection, SubscribePayload } from "graphql-ws";
import { type Extra, useServer } from "graphql-ws/use/ws";
import { WebSocketServer } from "ws";
import type { Viewer } from "../domain/access.ts";
import { createContext, type RequestContext } from "../graphql/context.ts";
import { apiError, publicError } from "../graphql/errors.ts";
import { checkCost } from "../graphql/limits/cost.ts";
import { DOCUMENT_LIMITS, documentLimits } from "../graphql/limits/document-limits.ts";
import { correlationId } from "../observability/correlation-id.ts";
import { tokenOf } from "./authenticate.ts";
import type { GraphqlEndpoint } from "./graphql-endpoint.ts";

const MAX_MESSAGE_BYTES = 64 * 1024;
const INIT_WAIT_MS = 3_000;
/** Keep-alive pings, and so how soon a half-open socket is found. */
const PING_MS = 10_000;
const MAX_SUBSCRIPTIONS = 50;
const MAX_SOCKETS_PER_ACCOUNT = 20;
/** graphql-ws's own code for a connection that may not be. */
const UNAUTHORIZED = 4401;
const TOO_MANY_SOCKETS = 4429;

export interface WebSocketOptions extends GraphqlEndpoint {
  /** Origins of pages that may connect; the server's own always may, and so may programs, which send none. */
  readonly allowedOrigins: readonly string[];
}

interface SocketExtra extends Extra, Record<PropertyKey, unknown> {
  viewer?: Viewer;
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
  const count = (viewer: Viewer, change: number): number => {
    const next = (perAccount.get(viewer.accountId) ?? 0) + change;
    if (next === 0) perAccount.delete(viewer.accountId);
    else perAccount.set(viewer.accountId, next);
    return next;
  };
  const protocol = useServer<Parameters, SocketExtra>(
    {
      schema: options.schema,
      connectionInitWaitTimeout: INIT_WAIT_MS,
      async onConnect(socket) {
        const headers = { ...socket.extra.request.headers, ...lowerCase(socket.connectionParams) };
        const viewer = await options.authenticator.viewerOf(tokenOf(headers));
        if (viewer === null) return refuse(socket, UNAUTHORIZED, "Unauthorized");
        socket.extra.viewer = viewer;
        if (count(viewer, 1) > MAX_SOCKETS_PER_ACCOUNT)
          return refuse(socket, TOO_MANY_SOCKETS, "Too many sockets");
        return true;
      },
      onDisconnect: (socket) => forget(socket, count),
      onSubscribe: (socket, _id, payload) => prepare(socket, payload, options),
      onError: (_socket, _id, _payload, errors) =>
        errors.map((error) => toPublic(error, correlationId(), options)),
      onNext: (_socket, _id, _payload, args, result) => {
        if (result.errors === undefined) return undefined;
        const id = (args.contextValue as RequestContext).correlationId;
        return { ...result, errors: result.errors.map((error) => toPublic(error, id, options)) };
      },
    },
    sockets,
    PING_MS,
  );
  const onUpgrade = (request: IncomingMessage, socket: Duplex, head: Buffer): void => {
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

function refuse(socket: Socket, code: number, reason: string): false {
  socket.extra.socket.close(code, reason);
  return false;
}

function forget({ extra }: Socket, count: (viewer: Viewer, change: number) => number): void {
  if (extra.viewer !== undefined) count(extra.viewer, -1);
}

/** Everything that is checked before an operation runs: its size, its validity, its cost. */
function prepare(
  { extra, subscriptions }: Socket,
  payload: SubscribePayload,
  { schema, services, shutdown }: WebSocketOptions,
): ExecutionArgs | readonly GraphQLError[] {
  // graphql-ws has entered this one already.
  if (Object.keys(subscriptions).length > MAX_SUBSCRIPTIONS) {
    return [
      apiError("QUERY_TOO_COMPLEX", `a socket carries at most ${MAX_SUBSCRIPTIONS} operations at once`),
    ];
  }
  try {
    const document = parse(payload.query, { maxTokens: DOCUMENT_LIMITS.tokens });
    const errors = validate(schema, document, [...specifiedRules, documentLimits]);
    if (errors.length > 0) return errors;
    const variableValues = payload.variables ?? {};
    const operationName = payload.operationName ?? undefined;
    checkCost(schema, document, variableValues, operationName);
    const contextValue = createContext(services, {
      viewer: extra.viewer!,
      correlationId: correlationId(),
      requestBytes: 0,
      signal: shutdown,
    });
    return {
      schema,
      document,
      variableValues,
      contextValue,
      ...(operationName !== undefined && { operationName }),
    };
  } catch (error) {
    if (error instanceof GraphQLError) return [error];
    throw error;
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
