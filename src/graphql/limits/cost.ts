import { createRequire } from "node:module";
import { type DocumentNode, GraphQLError, type GraphQLSchema } from "graphql";
import type { ComplexityEstimator } from "graphql-query-complexity";
import { DEFAULT_PAGE, MAX_PAGE } from "../connection.ts";
import { variableFaults } from "./variables.ts";

// Its ESM build imports a second copy of graphql, which then does not know our schema's types.
const require = createRequire(import.meta.url);
const { getComplexity } = require("graphql-query-complexity") as typeof import("graphql-query-complexity");

/** What one query may cost: about as many objects as it may read. */
export const COST_BUDGET = 10_000;

/** Lists that are not pages: how long one is taken for. */
const TYPICAL_LIST = 10;
const PLAIN_LISTS = new Set([
  "serviceAccounts",
  "tokens",
  "stageRuns",
  "stepRuns",
  "attempts",
  "memberships",
  "events",
  "graph",
  "retries",
  "children",
  "approvals",
  "decisions",
  "commits",
  "holders",
  "groups",
  "buckets",
  "branches",
  "authors",
  "labels",
  "logFiles",
  "values",
  "steps",
  "items",
  "newFailures",
  "fixed",
  "stillFailing",
  "added",
  "removed",
  "testRuns",
]);
/** Lists in messages, which may be as long as a page. */
const FULL_LISTS = new Set(["changes", "approvalChanges"]);

/** An object costs 1, its plain fields nothing, a list its page size times what one entry costs. */
const estimate: ComplexityEstimator = ({ args, childComplexity, field }) => {
  const type = field.type.toString();
  if (!isObject(type)) return 0;
  const entry = Math.max(childComplexity, 1);
  const page = pageSize(args, type);
  if (page !== null) return page * entry;
  if (field.name === "edges" || field.name === "nodes") return entry;
  if (FULL_LISTS.has(field.name)) return MAX_PAGE * entry + 1;
  return PLAIN_LISTS.has(field.name) ? TYPICAL_LIST * entry + 1 : childComplexity + 1;
};

/** Null when the field is no page. */
function pageSize({ first, last, count, ids }: Record<string, unknown>, type: string): number | null {
  if (Array.isArray(ids)) return ids.length;
  const size = first ?? last ?? count;
  if (typeof size === "number") return Math.min(Math.max(size, 1), 10 * MAX_PAGE);
  return /Connection!?$/.test(type) ? DEFAULT_PAGE : null;
}

function isObject(type: string): boolean {
  return !/^\[?(ID|String|Int|Float|Boolean|DateTime|JSON)\b/.test(type);
}

/**
 * Throws QUERY_TOO_COMPLEX beyond the budget.
 * @returns the cost; null when the variables do not fit, which executing the operation tells in full
 */
export function checkCost(
  schema: GraphQLSchema,
  document: DocumentNode,
  variables: Record<string, unknown>,
  operationName: string | undefined,
): number | null {
  const cost = costOf(schema, document, variables, operationName);
  if (cost !== null && cost > COST_BUDGET) {
    const message = `the query costs ${cost}, more than the budget of ${COST_BUDGET}: ask for smaller pages`;
    const extensions = { code: "QUERY_TOO_COMPLEX", http: { status: 400 } };
    throw new GraphQLError(message, { extensions });
  }
  return cost;
}

function costOf(
  schema: GraphQLSchema,
  document: DocumentNode,
  variables: Record<string, unknown>,
  operationName: string | undefined,
): number | null {
  try {
    return getComplexity({
      schema,
      query: document,
      variables,
      ...(operationName !== undefined && { operationName }),
      estimators: [estimate],
    });
  } catch (error) {
    if (variableFaults(schema, document, variables, operationName).length > 0) return null;
    throw error;
  }
}
