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
    const { document, errors } = checkedDocument(schema, payload.query);
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

interface CheckedDocument {
  readonly document: DocumentNode;
  readonly errors: readonly GraphQLError[];
}

/** Most clients send one of a few texts: each is parsed and validated once, and its document kept once. */
const KEPT_DOCUMENTS = 500;
const checked = new WeakMap<GraphQLSchema, Map<string, CheckedDocument>>();

function checkedDocument(schema: GraphQLSchema, query: string): CheckedDocument {
  const known = checked.get(schema) ?? new Map<string, CheckedDocument>();
  checked.set(schema, known);
  const before = known.get(query);
  if (before !== undefined) return before;
  const document = parseDocument(query);
  const result = { document, errors: validate(schema, document, [...specifiedRules, documentLimits]) };
  if (known.size >= KEPT_DOCUMENTS) known.delete(known.keys().next().value!);
  known.set(query, result);
  return result;
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
