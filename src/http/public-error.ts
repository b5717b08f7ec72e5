import type { GraphQLError, GraphQLFormattedError } from "graphql";
import { publicError } from "../graphql/errors.ts";
import type { Logger } from "../observability/logger.ts";

/** What the client of an operation sees of an error; what is not theirs to see is logged under the same id. */
export function toPublicError(
  error: GraphQLError,
  correlationId: string,
  logger: Logger,
): GraphQLFormattedError {
  return publicError(error, correlationId, (cause) =>
    logger.error({ err: cause, correlationId }, "an operation failed"),
  );
}
