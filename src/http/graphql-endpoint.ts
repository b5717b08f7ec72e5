import { setMaxListeners } from "node:events";
import { ApolloServer, type ApolloServerPlugin } from "@apollo/server";
import { ApolloServerPluginCacheControlDisabled } from "@apollo/server/plugin/disabled";
import { fastifyApolloHandler } from "@as-integrations/fastify";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { GraphQLError, type GraphQLSchema, type OperationDefinitionNode } from "graphql";
import { createContext, type RequestContext, type Services } from "../graphql/context.ts";
import { publicError } from "../graphql/errors.ts";
import { mendSurrogates } from "../graphql/json-text.ts";
import { checkCost } from "../graphql/limits/cost.ts";
import { DOCUMENT_LIMITS, documentLimits } from "../graphql/limits/document-limits.ts";
import type { Logger } from "../observability/logger.ts";
import { type Authenticator, tokenOf } from "./authenticate.ts";
import { isForm } from "./body-deadline.ts";
import { MultipartRefusedError, readMultipart } from "./multipart.ts";

/** Every body but those of the mutations that carry files, many reports, or all that a large runner holds. */
const BODY_LIMIT = 256 * 1024;
export const LARGE_BODY_LIMIT = 4 * 1024 * 1024;
const LARGE_BODIES = new Set(["deployWorkflow", "reportTasks", "heartbeatRunner"]);

export interface GraphqlEndpoint {
  readonly schema: GraphQLSchema;
  readonly services: Services;
  readonly authenticator: Authenticator;
  readonly logger: Logger;
  /** Aborted when the server shuts down: long polls answer at once. */
  readonly shutdown: AbortSignal;
}

/** POST and GET /graphql. Who may ask is checked before the body is looked at. */
export async function serveGraphql(
  server: FastifyInstance,
  endpoint: GraphqlEndpoint,
): Promise<ApolloServer<RequestContext>> {
  const { schema, services, authenticator, logger, shutdown } = endpoint;
  const contexts = new WeakMap<FastifyRequest, RequestContext>();
  // Every request listens to it while it is answered.
  setMaxListeners(0, shutdown);
  const apollo = new ApolloServer<RequestContext>({
    schema,
    introspection: true,
    csrfPrevention: true,
    allowBatchedHttpRequests: false,
    persistedQueries: false,
    includeStacktraceInErrorResponses: false,
    stopOnTerminationSignals: false,
    parseOptions: { maxTokens: DOCUMENT_LIMITS.tokens },
    validationRules: [documentLimits],
    plugins: [ApolloServerPluginCacheControlDisabled(), noStore, requestLimits(schema), publicErrors(logger)],
    logger,
  });
  await apollo.start();
  const handler = fastifyApolloHandler(apollo, { context: async (request) => contexts.get(request)! });
  const parseJson = server.getDefaultJsonParser("error", "error");
  server.addContentTypeParser<string>("application/json", { parseAs: "string" }, (request, body, done) => {
    // Counted here: a body that comes in chunks does not announce its length.
    const context = contexts.get(request);
    if (context !== undefined) context.requestBytes = Buffer.byteLength(body);
    parseJson(request, mendSurrogates(body), done);
  });

  server.addContentTypeParser("multipart/form-data", (_request, _payload, done) => done(null, undefined));

  server.route({
    url: "/graphql",
    method: ["GET", "POST"],
    config: { slowBody: "FORM" },
    async preValidation(request, reply) {
      if (!isForm(request)) return;
      const { maxUploadBytes } = services.limits;
      try {
        request.body = await readMultipart(request, reply, { maxFieldSize: BODY_LIMIT, maxUploadBytes });
      } catch (error) {
        if (!(error instanceof MultipartRefusedError)) throw error;
        const { status, code, message } = error;
        reply.code(status).header("connection", "close").type("application/json");
        return await reply.send(JSON.stringify({ errors: [{ message, extensions: { code } }] }));
      }
    },
    async onRequest(request, reply) {
      const viewer = await authenticator.viewerOf(tokenOf(request.headers));
      if (viewer === null) return await reply.code(401).type("application/json").send(UNAUTHENTICATED);
      const hangUp = new AbortController();
      // Not AbortSignal.any: with a signal that lives as long as the process, each request would leak.
      const onShutdown = (): void => hangUp.abort();
      shutdown.addEventListener("abort", onShutdown);
      reply.raw.on("close", () => {
        shutdown.removeEventListener("abort", onShutdown);
        if (!reply.raw.writableFinished) hangUp.abort();
      });
      const context = createContext(services, {
        viewer: () => viewer,
        correlationId: request.id,
        signal: hangUp.signal,
      });
      contexts.set(request, context);
    },
    async onSend(request, reply, payload) {
      const isRefusal = reply.statusCode >= 400 && String(reply.getHeader("content-type")).includes("json");
      return isRefusal && typeof payload === "string" ? withCorrelationId(payload, request.id) : payload;
    },
    handler,
  });
  return apollo;
}

const UNAUTHENTICATED = JSON.stringify({
  errors: [
    {
      message: "a valid token is needed: `Authorization: Bearer TOKEN` or `X-Access-Token: TOKEN`",
      extensions: { code: "UNAUTHENTICATED" },
    },
  ],
});

/** What is refused before an operation is looked at does not know its request's id. */
function withCorrelationId(payload: string, correlationId: string): string {
  const body = JSON.parse(payload) as { errors?: { extensions?: object }[] };
  const errors = body.errors?.map((error) => ({
    ...error,
    extensions: { correlationId, ...error.extensions },
  }));
  return JSON.stringify({ ...body, errors });
}

function requestLimits(schema: GraphQLSchema): ApolloServerPlugin<RequestContext> {
  return {
    async requestDidStart() {
      let cost: number | null = null;
      return {
        async didResolveOperation({ document, request, operation, contextValue }) {
          // Executing it tells what is wrong with its name.
          if (operation === undefined) return;
          refuseLargeBody(operation, contextValue.requestBytes);
          refuseSubscription(operation);
          // Runners are kept to their protocol, whose inputs are bounded; the check would cost as much as the work.
          if (contextValue.viewer.type === "RUNNER") return;
          cost = checkCost(schema, document, request.variables ?? {}, request.operationName);
        },
        async willSendResponse({ response }) {
          if (cost === null || response.body.kind !== "single") return;
          response.body.singleResult.extensions = { ...response.body.singleResult.extensions, cost };
        },
      };
    },
  };
}

function refuseLargeBody({ selectionSet }: OperationDefinitionNode, bytes: number): void {
  if (bytes <= BODY_LIMIT) return;
  const large = selectionSet.selections.every(
    (selection) => selection.kind === "Field" && LARGE_BODIES.has(selection.name.value),
  );
  if (!large) {
    const extensions = { code: "PAYLOAD_TOO_LARGE", http: { status: 413 } };
    throw new GraphQLError(`the request has ${bytes} bytes, more than ${BODY_LIMIT}`, { extensions });
  }
}

function refuseSubscription({ operation }: OperationDefinitionNode): void {
  if (operation !== "subscription") return;
  const extensions = { code: "BAD_REQUEST", http: { status: 400 } };
  const message =
    "a subscription needs a WebSocket (connect to this address with graphql-ws) or an event stream (/graphql/stream)";
  throw new GraphQLError(message, { extensions });
}

function publicErrors(logger: Logger): ApolloServerPlugin<RequestContext> {
  return {
    async requestDidStart() {
      return {
        async willSendResponse({ response, errors, contextValue }) {
          if (errors === undefined || response.body.kind !== "single") return;
          const { correlationId } = contextValue;
          const log = (cause: unknown): void =>
            logger.error({ err: cause, correlationId }, "a request failed");
          response.body.singleResult.errors = errors.map((error) => publicError(error, correlationId, log));
        },
      };
    },
  };
}

/** Answers are for one viewer at one moment: no cache may keep them. */
const noStore: ApolloServerPlugin<RequestContext> = {
  async requestDidStart() {
    return {
      async willSendResponse({ response }) {
        response.http.headers.set("cache-control", "no-store");
      },
    };
  },
};
