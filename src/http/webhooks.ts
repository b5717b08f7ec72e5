import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { deliverWebhook, recognizeDelivery, UnreadableSecretError } from "../actions/deliver-webhook.ts";
import type { HeaderReader } from "../actions/webhook-signature.ts";
import { encodeId, keyOf, NIL_KEY } from "../domain/ids.ts";
import { BusyError, type Refusal, RefusedError } from "../domain/refusals.ts";
import type { Services } from "../graphql/context.ts";
import { mendNuls, mendSurrogates } from "../graphql/json-text.ts";
import type { Logger } from "../observability/logger.ts";
import { TokenBuckets } from "./token-bucket.ts";

const BODY_LIMIT = 256 * 1024;
const DELIVERIES_PER_MINUTE = 60;
/** Deeper than any sender's data, and far less than what a parser along the way could not take. */
const MAX_DEPTH = 64;

/** What is answered instead of a run. */
class DeliveryRefused extends Error {
  readonly status: number;
  readonly code: string;
  readonly more: object;
  readonly retryAfterMs: number | null;

  constructor(
    status: number,
    code: string,
    message: string,
    { more = {}, retryAfterMs = null }: { more?: object; retryAfterMs?: number | null } = {},
  ) {
    super(message);
    this.status = status;
    this.code = code;
    this.more = more;
    this.retryAfterMs = retryAfterMs;
  }
}

type HookRequest = FastifyRequest<{ Params: { id: string } }>;

/** POST /hooks/ID: other systems start a workflow. Who they are is told by the signature of the body. */
export function serveWebhooks(server: FastifyInstance, services: Services, logger: Logger): void {
  const buckets = new TokenBuckets(DELIVERIES_PER_MINUTE, services.engine.clock);
  server.register(async (scope) => {
    // The signature is one of bytes: nothing may read them before it is checked.
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser("*", { parseAs: "buffer" }, (_request, body, done) => done(null, body));
    scope.post<{ Params: { id: string } }>(
      "/hooks/:id",
      { bodyLimit: BODY_LIMIT },
      async (request, reply) => {
        reply.header("cache-control", "no-store");
        try {
          return await deliver(request, reply, services, buckets, logger);
        } catch (error) {
          return await refuse(error, request, reply);
        }
      },
    );
  });
}

async function deliver(
  request: HookRequest,
  reply: FastifyReply,
  { engine, secrets }: Services,
  buckets: TokenBuckets,
  logger: Logger,
): Promise<FastifyReply> {
  if (secrets === null) {
    throw new DeliveryRefused(
      503,
      "UNAVAILABLE",
      "this server has no RUNCAST_ENCRYPTION_KEY: it accepts no webhooks",
    );
  }
  const webhookId = keyOf("Webhook", request.params.id) ?? NIL_KEY;
  const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
  const signed = { header: headerOf(request), body };
  const known = await recognizeDelivery(engine, secrets, webhookId, signed).catch((error: unknown) => {
    if (!(error instanceof UnreadableSecretError)) throw error;
    logger.error(
      { err: error, correlationId: request.id },
      "RUNCAST_ENCRYPTION_KEY is not the one from before",
    );
    return null;
  });
  if (known === null) throw unauthenticated();
  const retryAfterMs = buckets.take(webhookId);
  if (retryAfterMs > 0) {
    const message = `more than ${DELIVERIES_PER_MINUTE} deliveries a minute`;
    throw new DeliveryRefused(429, "TOO_MANY_REQUESTS", message, { retryAfterMs });
  }
  const delivered = await deliverWebhook(engine, known, readBody(body));
  if (delivered === null) throw unauthenticated();
  const workflowRunId = encodeId("WorkflowRun", delivered.runId);
  return await reply.code(delivered.repeated ? 200 : 202).send({ workflowRunId });
}

function headerOf({ headers }: FastifyRequest): HeaderReader {
  return (name) => {
    const value = headers[name];
    return typeof value === "string" ? value : null;
  };
}

/** The same for a webhook that is unknown, one that is disabled and a bad signature: nobody learns what there is. */
function unauthenticated(): DeliveryRefused {
  const message = "no such webhook is enabled, or the delivery is not signed for it as it should be";
  return new DeliveryRefused(401, "UNAUTHENTICATED", message);
}

function readBody(body: Buffer): unknown {
  const text = body.toString("utf8");
  if (depthOf(text) > MAX_DEPTH) {
    throw new DeliveryRefused(400, "BAD_REQUEST", `the body nests deeper than ${MAX_DEPTH} levels`);
  }
  try {
    return JSON.parse(mendNuls(mendSurrogates(text)));
  } catch {
    throw new DeliveryRefused(400, "BAD_REQUEST", "the body is not JSON");
  }
}

/** How deep lists and objects nest, without recursion. */
function depthOf(json: string): number {
  let depth = 0;
  let deepest = 0;
  let inText = false;
  for (let at = 0; at < json.length; at++) {
    const character = json[at];
    if (inText && character === "\\") at++;
    else if (character === '"') inText = !inText;
    else if (inText) continue;
    else if (character === "{" || character === "[") deepest = Math.max(deepest, ++depth);
    else if (character === "}" || character === "]") depth--;
  }
  return deepest;
}

async function refuse(error: unknown, { id }: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const refused = translate(error);
  if (refused === null) throw error;
  const { status, code, message, more, retryAfterMs } = refused;
  if (retryAfterMs !== null) reply.header("retry-after", Math.ceil(retryAfterMs / 1_000));
  const extensions = { code, correlationId: id, ...more };
  return await reply.code(status).send({ errors: [{ message, extensions }] });
}

function translate(error: unknown): DeliveryRefused | null {
  if (error instanceof DeliveryRefused) return error;
  if (error instanceof BusyError) {
    return new DeliveryRefused(503, "BUSY", "try again", { retryAfterMs: 1_000 });
  }
  if (!(error instanceof RefusedError)) return null;
  const faults = error.refusals.flatMap(faultsOf);
  return new DeliveryRefused(422, "VALIDATION_FAILED", error.message, { more: { faults } });
}

/** The paths are those of what a run is started with, such as `inputs.target`. */
function faultsOf(refusal: Refusal): { message: string; path: string }[] {
  const faults = refusal.kind === "ValidationFailed" ? refusal.faults : [refusal];
  return faults.map(({ message, path }) => ({ message, path: path.replace(/^input\./, "") }));
}
