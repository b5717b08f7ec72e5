import type { FastifyReply, FastifyRequest } from "fastify";
import { BusyError, ForbiddenError, RefusedError, SessionLostError } from "../domain/refusals.ts";

/** What a request for a file, or one that sends a file, is answered instead. */
export class Problem extends Error {
  readonly status: number;
  readonly code: string;
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, code: string, message: string, headers: Readonly<Record<string, string>> = {}) {
    super(message);
    this.status = status;
    this.code = code;
    this.headers = headers;
  }
}

/** Foreign and unknown alike. */
export function noSuchFile(): Problem {
  return new Problem(404, "NOT_FOUND", "no such object");
}

export function unauthenticated(): Problem {
  const message = "a valid token, or a link that is still good, is needed: `Authorization: Bearer TOKEN`";
  return new Problem(401, "UNAUTHENTICATED", message);
}

/**
 * Has a handler's problems, and the refusals of actions, answered in the shape of GraphQL's errors.
 * A hook that lets a request pass answers nothing.
 */
export function answeringProblems<Request extends FastifyRequest, Answer extends FastifyReply | undefined>(
  handle: (request: Request, reply: FastifyReply) => Promise<Answer>,
): (request: Request, reply: FastifyReply) => Promise<FastifyReply | Answer> {
  return async (request, reply) => {
    try {
      return await handle(request, reply);
    } catch (error) {
      const problem = translate(error);
      if (problem === null) throw error;
      const { status, code, message, headers } = problem;
      const extensions = { code, correlationId: request.id };
      return await reply
        .code(status)
        .headers({ "cache-control": "no-store", ...headers })
        .send({ errors: [{ message, extensions }] });
    }
  };
}

const STATUS_OF_REFUSAL = {
  NotFound: 404,
  InvalidState: 409,
  ValidationFailed: 422,
  RevisionConflict: 409,
  IdempotencyConflict: 409,
  LimitExceeded: 413,
  Busy: 503,
} as const;

function translate(error: unknown): Problem | null {
  if (error instanceof Problem) return error;
  if (error instanceof ForbiddenError) return new Problem(403, "FORBIDDEN", error.message);
  if (error instanceof SessionLostError) return new Problem(409, "SESSION_LOST", error.message);
  if (error instanceof BusyError) return new Problem(503, "BUSY", "try again", { "retry-after": "1" });
  if (!(error instanceof RefusedError)) return null;
  const { kind } = error.refusals[0]!;
  const code = kind.replace(/(?<=[a-z])[A-Z]/g, "_$&").toUpperCase();
  return new Problem(STATUS_OF_REFUSAL[kind], code, error.message);
}
