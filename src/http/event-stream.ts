import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import {
  createSourceEventStream,
  type ExecutionArgs,
  type ExecutionResult,
  GraphQLError,
  getOperationAST,
} from "graphql";
import { createHandler, type OperationArgs, type RequestParams } from "graphql-sse";
import type { Viewer } from "../domain/access.ts";
import { createContext, type RequestContext } from "../graphql/context.ts";
import { apiError } from "../graphql/errors.ts";
import { AccountLimit } from "./account-limit.ts";
import { isAllowedOrigin } from "./allowed-origin.ts";
import { tokenOf } from "./authenticate.ts";
import type { GraphqlEndpoint } from "./graphql-endpoint.ts";
import { executeEach } from "./live/execute-each.ts";
import { Renderer, type ToPublic } from "./live/render.ts";
import { PacedResults } from "./paced-results.ts";
import { prepareOperation } from "./prepare-operation.ts";
import { answeringProblems, Problem } from "./problem.ts";
import { toPublicError } from "./public-error.ts";
import { drained, sendEvents } from "./send-events.ts";
import type { TokenWatch, TokenWatches } from "./token-watch.ts";

/** As of a message over WebSocket. */
const BODY_LIMIT = 64 * 1024;
const MAX_STREAMS_PER_ACCOUNT = 50;
const MEDIA_TYPE = "text/event-stream";
const HEADERS = {
  "content-type": `${MEDIA_TYPE}; charset=utf-8`,
  // Neither kept nor compressed, and not held back until there is more of it (nginx).
  "cache-control": "no-store, no-transform",
  "x-accel-buffering": "no",
};

export interface EventStreamOptions extends GraphqlEndpoint {
  /** Origins of pages that may subscribe; the server's own always may, and so may programs, which send none. */
  readonly allowedOrigins: readonly string[];
  readonly watches: TokenWatches;
}

/** One subscription: the answer to one request. */
interface EventStream {
  readonly token: TokenWatch;
  readonly context: RequestContext;
  readonly reply: FastifyReply;
  /** Set once it is subscribed. */
  results: PacedResults | null;
  ending: GraphQLError | null;
}

type Context = RequestContext & Record<PropertyKey, unknown>;
type Handler = ReturnType<typeof createHandler<FastifyRequest, EventStream, Context>>;

/**
 * Subscriptions over server-sent events at /graphql/stream, for where WebSockets do not get through: the "distinct
 * connections mode" of graphql-sse, in which each subscription is a request of its own.
 */
export function serveEventStream(server: FastifyInstance, options: EventStreamOptions): void {
  const handle = createProtocol(options);
  const viewers = new WeakMap<FastifyRequest, { token: string; viewer: Viewer }>();
  const perAccount = new AccountLimit(MAX_STREAMS_PER_ACCOUNT);
  server.route({
    url: "/graphql/stream",
    method: ["GET", "POST"],
    exposeHeadRoute: false,
    bodyLimit: BODY_LIMIT,
    onRequest: answeringProblems(async (request: FastifyRequest) => {
      if (!isAllowedOrigin(request.headers, options.allowedOrigins))
        throw new Problem(403, "FORBIDDEN", "pages of this origin may not subscribe here");
      const token = tokenOf(request.headers);
      const viewer = await options.authenticator.viewerOf(token);
      if (token === null || viewer === null) throw unauthenticated();
      viewers.set(request, { token, viewer });
      return undefined;
    }),
    handler: answeringProblems(async (request, reply) => {
      const { token, viewer } = viewers.get(request)!;
      if (!request.headers.accept?.includes(MEDIA_TYPE)) throw notAcceptable();
      countStream(perAccount, viewer, reply);
      const stream = openStream(request, reply, token, viewer, options);
      return await answer(handle, request, stream, options);
    }),
  });
}

function createProtocol(options: EventStreamOptions): Handler {
  return createHandler<FastifyRequest, EventStream, Context>({
    // No token of a stream: there is no other mode than that of distinct connections.
    authenticate: () => null,
    onSubscribe: ({ context: stream }, params) => prepare(stream, params, options),
    // Checked already, with what else is to be checked.
    validate: () => [],
    subscribe: async (args) => await subscribe(args as ExecutionArgs, options),
    onOperation: (_context, { context: stream }, _args, result) => {
      if (!(Symbol.asyncIterator in result)) return result;
      const { reply, token } = stream;
      stream.results = new PacedResults(result as AsyncGenerator<ExecutionResult, void, void>, {
        ready: async () => await drained(reply.raw),
        check: () => token.closeIfExpired(),
      });
      if (stream.ending !== null) stream.results.end(stream.ending);
      return stream.results;
    },
    // Also of what is refused before it is executed.
    onNext: (_context, { context: stream }, result) =>
      withPublicErrors(result as ExecutionResult, stream.context, options),
  });
}

/** Objects that a message links to are read anew for each. */
async function subscribe(
  args: ExecutionArgs,
  options: EventStreamOptions,
): Promise<AsyncIterableIterator<ExecutionResult> | ExecutionResult> {
  const source = await createSourceEventStream(args);
  if (!(Symbol.asyncIterator in source)) return source;
  const toPublic: ToPublic = (errors, context) =>
    errors.map((error) => toPublicError(error, context.correlationId, options.logger));
  return executeEach(source, new Renderer(args, toPublic)) as AsyncIterableIterator<ExecutionResult>;
}

/** What is to be executed; an operation that is refused is a stream of one result, the errors. */
function prepare(
  { context }: EventStream,
  params: RequestParams,
  { schema }: EventStreamOptions,
): OperationArgs<Context> | AsyncGenerator<ExecutionResult> {
  const prepared = prepareOperation(schema, params as never, context);
  if (!("schema" in prepared)) return refused(prepared);
  const operation = getOperationAST(prepared.document, prepared.operationName);
  if (operation?.operation === "subscription") return prepared as OperationArgs<Context>;
  const extensions = { code: "BAD_REQUEST" };
  return refused([
    new GraphQLError("only subscriptions are streamed: send this to /graphql", { extensions }),
  ]);
}

async function* refused(errors: readonly GraphQLError[]): AsyncGenerator<ExecutionResult> {
  yield { errors };
}

function withPublicErrors(
  result: ExecutionResult,
  context: RequestContext,
  options: EventStreamOptions,
): ExecutionResult {
  if (result.errors === undefined) return result;
  const errors = result.errors.map((error) =>
    error instanceof GraphQLError ? toPublicError(error, context.correlationId, options.logger) : error,
  );
  return { ...result, errors: errors as unknown as readonly GraphQLError[] };
}

function openStream(
  request: FastifyRequest,
  reply: FastifyReply,
  token: string,
  viewer: Viewer,
  { watches, services }: EventStreamOptions,
): EventStream {
  const hangUp = new AbortController();
  const end = (): void => {
    stream.ending = apiError("UNAUTHENTICATED", "the token has ended");
    stream.results?.end(stream.ending);
  };
  const watch = watches.watch(token, viewer, { close: end });
  const context = createContext(services, {
    viewer: () => watch.viewer,
    correlationId: request.id,
    signal: hangUp.signal,
  });
  const stream: EventStream = { token: watch, context, reply, results: null, ending: null };
  onceClosed(reply, () => {
    watch[Symbol.dispose]();
    hangUp.abort();
  });
  return stream;
}

async function answer(
  handle: Handler,
  request: FastifyRequest,
  stream: EventStream,
  { shutdown, logger }: EventStreamOptions,
): Promise<FastifyReply> {
  const { reply } = stream;
  const [events, { status, statusText }] = await handle({
    method: request.method,
    url: request.url,
    headers: { get: (name) => (name === "accept" ? MEDIA_TYPE : text(request.headers[name])) },
    body: request.body as Record<PropertyKey, unknown> | null,
    raw: request,
    context: stream,
  });
  if (events === null || typeof events === "string") throw malformed(status, events ?? statusText);
  // Without its `complete` the client knows that there is more, and subscribes again elsewhere.
  const stop = (): void => void events.return();
  shutdown.addEventListener("abort", stop);
  if (shutdown.aborted) stop();
  reply.hijack();
  reply.raw.writeHead(200, HEADERS);
  try {
    await sendEvents(reply.raw, events);
    // An idle connection would keep a server that shuts down.
    reply.raw.end(() => shutdown.aborted && request.raw.socket.end());
  } catch (error) {
    logger.error({ err: error, correlationId: request.id }, "an event stream failed");
    reply.raw.destroy();
  } finally {
    shutdown.removeEventListener("abort", stop);
  }
  return reply;
}

/** A reply that is closed already tells nobody any more. */
function onceClosed({ raw }: FastifyReply, work: () => void): void {
  if (raw.destroyed) work();
  else raw.once("close", work);
}

/** @throws Problem when the account has as many as it may have */
function countStream(perAccount: AccountLimit, { accountId }: Viewer, reply: FastifyReply): void {
  if (!perAccount.take(accountId)) {
    const message = `an account has at most ${perAccount.most} event streams at once`;
    throw new Problem(429, "TOO_MANY_REQUESTS", message, { "retry-after": "5" });
  }
  onceClosed(reply, () => perAccount.giveBack(accountId));
}

function unauthenticated(): Problem {
  const message = "a valid token is needed in the header `Authorization: Bearer TOKEN`; never in the address";
  return new Problem(401, "UNAUTHENTICATED", message);
}

function notAcceptable(): Problem {
  const message =
    "the answer is an event stream: send `Accept: text/event-stream`, or the operation to /graphql";
  return new Problem(406, "NOT_ACCEPTABLE", message);
}

/** @param body of the library's refusal: GraphQL errors without codes, or a plain text */
function malformed(status: number, body: string): Problem {
  const message = body.startsWith("{") ? JSON.parse(body).errors[0].message : body;
  return new Problem(status, "BAD_REQUEST", message);
}

function text(value: string | string[] | undefined): string | null {
  return typeof value === "string" ? value : null;
}
