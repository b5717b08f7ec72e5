import {
  type DocumentNode,
  type ExecutionArgs,
  GraphQLError,
  type GraphQLSchema,
  getOperationAST,
  parse,
  specifiedRules,
  validate,
} from "graphql";
import type { SubscribePayload } from "graphql-ws";
import type { RequestContext } from "../graphql/context.ts";
import { apiError } from "../graphql/errors.ts";
import { checkCost } from "../graphql/limits/cost.ts";
import { DOCUMENT_LIMITS, documentLimits } from "../graphql/limits/document-limits.ts";
import { variableFaults } from "../graphql/limits/variables.ts";

/**
 * Everything that is checked before an operation that came over a socket runs: its form, its size, its variables,
 * its cost. Over HTTP Apollo does the same, and the codes are those that it gives.
 */
export function prepareOperation(
  schema: GraphQLSchema,
  payload: SubscribePayload,
  contextValue: RequestContext,
): ExecutionArgs | readonly GraphQLError[] {
  const variableValues = payload.variables ?? {};
  const operationName = payload.operationName ?? undefined;
  try {
    const document = parseDocument(payload.query);
    const errors = validate(schema, document, [...specifiedRules, documentLimits]);
    if (errors.length > 0) return errors;
    if (getOperationAST(document, operationName) == null)
      return [apiError("OPERATION_RESOLUTION_FAILURE", "the document has no such operation, or several")];
    const cost = checkCost(schema, document, variableValues, operationName);
    if (cost === null) return variableFaults(schema, document, variableValues, operationName);
    const named = operationName === undefined ? {} : { operationName };
    return { schema, document, variableValues, contextValue, ...named };
  } catch (error) {
    if (error instanceof GraphQLError) return [error];
    throw error;
  }
}

function parseDocument(query: string): DocumentNode {
  try {
    return parse(query, { maxTokens: DOCUMENT_LIMITS.tokens });
  } catch (error) {
    if (!(error instanceof GraphQLError)) throw error;
    const { message, source, positions } = error;
    const extensions = { code: "GRAPHQL_PARSE_FAILED" };
    throw new GraphQLError(message, { source: source ?? null, positions: positions ?? null, extensions });
  }
}
