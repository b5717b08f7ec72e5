import type { GraphQLFormattedError } from "graphql";

interface RequestErrorDetails {
  readonly errors: readonly GraphQLFormattedError[];
  readonly data?: unknown;
  /** HTTP status; null for a subscription. */
  readonly status: number | null;
}

/** The server answered and refused: top-level errors, or an HTTP status that is no success. */
export class RuncastRequestError extends Error {
  override readonly name = "RuncastRequestError";
  readonly errors: readonly GraphQLFormattedError[];
  /** `extensions.code` of each error that has one, without repetitions. */
  readonly codes: readonly string[];
  /** What was resolved in spite of the errors. */
  readonly data: unknown;
  readonly status: number | null;
  /** To quote when asking the operators of the server. */
  readonly correlationId: string | null;

  constructor({ errors, data, status }: RequestErrorDetails) {
    super(errors.map((error) => error.message).join("; "));
    this.errors = errors;
    this.codes = [...new Set(errors.flatMap((error) => textsOf(error.extensions?.["code"])))];
    this.data = data ?? null;
    this.status = status;
    this.correlationId =
      errors.flatMap((error) => textsOf(error.extensions?.["correlationId"])).at(0) ?? null;
  }
}

function textsOf(value: unknown): string[] {
  return typeof value === "string" ? [value] : [];
}

/** The server could not be reached, or it closed the connection for good. */
export class RuncastConnectionError extends Error {
  override readonly name = "RuncastConnectionError";
  /** WebSocket close code (4401: no valid token, 4403: the token ended); null when there was none. */
  readonly closeCode: number | null;

  constructor(message: string, closeCode: number | null, options?: ErrorOptions) {
    super(message, options);
    this.closeCode = closeCode;
  }
}
