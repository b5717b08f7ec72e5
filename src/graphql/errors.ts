import { GraphQLError, type GraphQLFormattedError } from "graphql";
import { BusyError, ForbiddenError, SessionLostError } from "../domain/refusals.ts";
import { InvalidCursorError } from "../domain/stream-cursor.ts";

/** The codes of top-level errors; a client decides by these and never by the text. */
export type ErrorCode =
  | "BAD_USER_INPUT"
  | "INVALID_CURSOR"
  | "NOT_FOUND"
  | "FORBIDDEN"
  | "UNAUTHENTICATED"
  | "BUSY"
  | "SESSION_LOST"
  | "QUERY_TOO_COMPLEX"
  | "OPERATION_RESOLUTION_FAILURE"
  | "PAYLOAD_TOO_LARGE"
  | "INTERNAL_SERVER_ERROR";

export function apiError(code: ErrorCode, message: string): GraphQLError {
  return new GraphQLError(message, { extensions: { code } });
}

export function badInput(message: string): GraphQLError {
  return apiError("BAD_USER_INPUT", message);
}

/** Foreign, unknown, deleted and mistyped ids are all answered with exactly this. */
export function objectNotFound(): GraphQLError {
  return apiError("NOT_FOUND", "no such object");
}

/** Codes that our own code and the libraries give to errors that are the caller's, with their messages. */
const PUBLIC_CODES: ReadonlySet<string> = new Set([
  "BAD_USER_INPUT",
  "INVALID_CURSOR",
  "NOT_FOUND",
  "FORBIDDEN",
  "UNAUTHENTICATED",
  "BUSY",
  "SESSION_LOST",
  "QUERY_TOO_COMPLEX",
  "PAYLOAD_TOO_LARGE",
  "GRAPHQL_PARSE_FAILED",
  "GRAPHQL_VALIDATION_FAILED",
  "BAD_REQUEST",
  "OPERATION_RESOLUTION_FAILURE",
  "PERSISTED_QUERY_NOT_SUPPORTED",
]);

/** The typed error behind a thrown one, or null when it is a fault of ours. */
function translate(cause: unknown): GraphQLError | null {
  if (cause instanceof ForbiddenError) return apiError("FORBIDDEN", cause.message);
  if (cause instanceof InvalidCursorError) return apiError("INVALID_CURSOR", cause.message);
  if (cause instanceof SessionLostError) return apiError("SESSION_LOST", cause.message);
  if (cause instanceof BusyError) return apiError("BUSY", cause.message);
  if (isUnstorableText(cause)) return badInput("text must not contain a NUL character");
  return null;
}

/** PostgreSQL's codes for a NUL in a text and in a JSON text: it came with the request, nothing of ours makes one. */
const UNSTORABLE_TEXT: readonly unknown[] = ["22021", "22P05"];

function isUnstorableText(cause: unknown): boolean {
  return cause instanceof Error && "code" in cause && UNSTORABLE_TEXT.includes(cause.code);
}

/**
 * What a client sees of an error. Whatever is not known to be the caller's doing is masked: the message goes to the
 * log under the correlation id that the client is given.
 */
export function publicError(
  error: GraphQLError,
  correlationId: string,
  log: (error: unknown) => void,
): GraphQLFormattedError {
  const { locations, path } = error.toJSON();
  const place = { ...(locations && { locations }), ...(path && { path }) };
  const known = translate(error.originalError) ?? error;
  const code = codeOf(known);
  if (code === null) {
    log(error.originalError ?? error);
    const extensions = { code: "INTERNAL_SERVER_ERROR", correlationId };
    return {
      message: "internal error; the server's log has it under the correlation id",
      ...place,
      extensions,
    };
  }
  return { message: known.message, ...place, extensions: { code, correlationId } };
}

function codeOf({ extensions, originalError }: GraphQLError): string | null {
  // A library wraps what a rule of ours reports into its own error, under a code of its own.
  const inner = originalError instanceof GraphQLError ? originalError.extensions["code"] : undefined;
  const code = inner ?? extensions["code"];
  if (typeof code === "string") return PUBLIC_CODES.has(code) ? code : null;
  // An error that graphql-js itself made while it checked a document or its variables.
  return originalError === undefined ? "GRAPHQL_VALIDATION_FAILED" : null;
}
