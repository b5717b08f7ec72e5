import type { AddressInfo } from "node:net";
import Fastify, { type FastifyError, type FastifyInstance } from "fastify";
import { correlationId } from "../observability/correlation-id.ts";
import { serveArtifactUploads } from "./artifact-uploads.ts";
import { serveArtifacts } from "./artifacts.ts";
import { limitBodyTime } from "./body-deadline.ts";
import { serveEventStream } from "./event-stream.ts";
import { type GraphqlEndpoint, LARGE_BODY_LIMIT, serveGraphql } from "./graphql-endpoint.ts";
import { serveHealth } from "./health.ts";
import { serveLogDownloads } from "./log-downloads.ts";
import { serveLogUploads } from "./log-uploads.ts";
import { servePages } from "./pages.ts";
import { TokenWatches } from "./token-watch.ts";
import { serveWebhooks } from "./webhooks.ts";
import { serveWebSocket } from "./websocket.ts";

export interface HttpServerOptions extends Omit<GraphqlEndpoint, "shutdown"> {
  readonly host: string;
  /** 0 = any free port. */
  readonly port: number;
  readonly allowedOrigins: readonly string[];
  /** Where the built GraphiQL page is. */
  readonly graphiqlDirectory: string;
}

export interface HttpServer extends AsyncDisposable {
  /** Where it listens, such as http://127.0.0.1:4000 */
  readonly url: string;
}

/** For a request to arrive whole, if it brings no file. */
const BODY_TIMEOUT_MS = 60_000;
/** For a file to arrive. */
const FILE_TIMEOUT_MS = 6 * 60 * 60 * 1_000;
/** For a connection without a byte either way: well above the 10 s that a claim may wait for work. */
const SILENCE_TIMEOUT_MS = 120_000;

/** One port for everything: GraphQL over HTTP, WebSocket and event streams, webhooks, GraphiQL, health. */
export async function startHttpServer(options: HttpServerOptions): Promise<HttpServer> {
  const { host, port, services, logger, allowedOrigins } = options;
  const shutdown = new AbortController();
  const server = Fastify({
    logger: false,
    bodyLimit: LARGE_BODY_LIMIT,
    forceCloseConnections: "idle",
    requestTimeout: FILE_TIMEOUT_MS,
    connectionTimeout: SILENCE_TIMEOUT_MS,
    genReqId: ({ headers }) => correlationId(headers["x-correlation-id"]),
  });
  server.setErrorHandler<FastifyError>(async (error, request, reply) => {
    const status = error.statusCode ?? 500;
    if (status >= 500) logger.error({ err: error, correlationId: request.id }, "a request failed");
    return await reply.code(status).send(errorBody(status, error.message));
  });
  limitBodyTime(server, BODY_TIMEOUT_MS);
  serveHealth(server, services.engine.database);
  servePages(server, options.graphiqlDirectory);
  serveWebhooks(server, services, logger);
  serveArtifacts(server, services, options.authenticator, logger);
  serveArtifactUploads(server, services, options.authenticator);
  serveLogDownloads(server, services, options.authenticator);
  serveLogUploads(server, services, options.authenticator);
  const endpoint = { ...options, shutdown: shutdown.signal };
  const apollo = await serveGraphql(server, endpoint);
  const watches = new TokenWatches(options.authenticator, services.engine.clock);
  const lasting = { ...endpoint, allowedOrigins, watches };
  serveEventStream(server, lasting);
  const sockets = serveWebSocket(server.server, lasting);
  await server.listen({ host, port });

  return {
    url: urlOf(server, host),
    async [Symbol.asyncDispose]() {
      shutdown.abort();
      watches[Symbol.dispose]();
      await sockets[Symbol.asyncDispose]();
      await server.close();
      await apollo.stop();
    },
  };
}

/** The same shape as GraphQL's own errors: a client has one way to read them. */
function errorBody(status: number, message: string) {
  if (status >= 500)
    return { errors: [{ message: "internal error", extensions: { code: "INTERNAL_SERVER_ERROR" } }] };
  const code = status === 413 ? "PAYLOAD_TOO_LARGE" : "BAD_REQUEST";
  return { errors: [{ message, extensions: { code } }] };
}

function urlOf(server: FastifyInstance, host: string): string {
  const { port } = server.server.address() as AddressInfo;
  const name = host === "0.0.0.0" || host === "::" ? "127.0.0.1" : host;
  return `http://${name.includes(":") ? `[${name}]` : name}:${port}`;
}
