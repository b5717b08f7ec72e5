import { createRequire } from "node:module";
import { type DocumentNode, GraphQLError, type GraphQLSchema } from "graphql";
import type { ComplexityEstimator } from "graphql-query-complexity";
import { DEFAULT_PAGE, MAX_PAGE } from "../connection.ts";

// Its ESM build imports a second copy of graphql, which then does not know our schema's types.
const require = createRequire(import.meta.url);
const { getComplexity } = require("graphql-query-complexity") as typeof import("graphql-query-complexity");

/** What one query may cost: about as many objects as it may read. */
export const COST_BUDGET = 10_000;

/** Lists that are not pages: how long one is taken for. */
const TYPICAL_LIST = 10;
const PLAIN_LISTS = new Set(["stageRuns", "stepRuns", "attempts", "memberships", "events"]);

/** An object costs 1, its plain fields nothing, a list its page size times what one entry costs. */
const estimate: ComplexityEstimator = ({ args, childComplexity, field }) => {
  if (childComplexity === 0) return isObject(field.type.toString()) ? 1 : 0;
  const page = pageSize(args);
  if (field.name === "edges" || field.name === "nodes") return childComplexity;
  if (page !== null) return page * childComplexity;
  return (PLAIN_LISTS.has(field.name) ? TYPICAL_LIST : 1) * childComplexity + 1;
};

function pageSize({ first, last, ids }: Record<string, unknown>): number | null {
  if (Array.isArray(ids)) return ids.length;
  const size = first ?? last;
  if (typeof size === "number") return Math.min(Math.max(size, 1), 10 * MAX_PAGE);
  return first === null || last === null ? DEFAULT_PAGE : null;
}

function isObject(type: string): boolean {
  return !/^\[?(ID|String|Int|Float|Boolean|DateTime|JSON)\b/.test(type);
}

/** Throws QUERY_TOO_COMPLEX beyond the budget. @returns the cost */
export function checkCost(
  schema: GraphQLSchema,
  document: DocumentNode,
  variables: Record<string, unknown>,
  operationName: string | undefined,
): number {
  const cost = getComplexity({
    schema,
    query: document,
    variables,
    ...(operationName !== undefined && { operationName }),
    estimators: [estimate],
  });
  if (cost > COST_BUDGET) {
    const message = `the query costs ${cost}, more than the budget of ${COST_BUDGET}: ask for smaller pages`;
    throw new GraphQLError(message, { extensions: { code: "QUERY_TOO_COMPLEX" } });
  }
  return cost;
}
