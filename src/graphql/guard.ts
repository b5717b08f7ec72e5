import type { GraphQLFieldResolver, GraphQLObjectType, GraphQLSchema } from "graphql";
import { ACCESS, isSystemAdmin, OPEN_TO_TASKS, type Requirement } from "../domain/access.ts";
import type { RequestContext } from "./context.ts";
import { apiError } from "./errors.ts";

type RootType = keyof typeof ACCESS;

/**
 * Puts the access table before every root field. Which object a field is about only its resolver knows, so a role
 * is checked there; here runners are kept to their protocol, everyone else out of it, and what concerns the whole
 * installation to its administrators.
 * Throws when a root field has no line in the table, or a line no field.
 */
export function guardRootFields(schema: GraphQLSchema): void {
  guard("Query", schema.getQueryType());
  guard("Mutation", schema.getMutationType());
  guard("Subscription", schema.getSubscriptionType());
}

function guard(name: RootType, type: GraphQLObjectType | null | undefined): void {
  const table: Readonly<Record<string, Requirement>> = ACCESS[name];
  const fields = type?.getFields() ?? {};
  const unmatched = new Set([...Object.keys(table), ...Object.keys(fields)]);
  for (const [fieldName, field] of Object.entries(fields)) {
    const requirement = table[fieldName];
    if (requirement === undefined) continue;
    unmatched.delete(fieldName);
    const step = name === "Subscription" ? "subscribe" : "resolve";
    const inner = field[step]!;
    const guarded: GraphQLFieldResolver<unknown, RequestContext> = (source, args, context, info) => {
      check(requirement, fieldName, context);
      return inner(source, args, context, info);
    };
    field[step] = guarded;
  }
  for (const fieldName of unmatched)
    throw new Error(`${name}.${fieldName} stands in the schema or in the access table, not in both`);
}

function check(requirement: Requirement, field: string, { viewer }: RequestContext): void {
  if (viewer.task !== undefined) {
    if (OPEN_TO_TASKS.has(field)) return;
    throw apiError("FORBIDDEN", `${field} is not for steps: use the token of a person or a service`);
  }
  const isRunner = viewer.type === "RUNNER";
  if (requirement === "RUNNER" && !isRunner)
    throw apiError("FORBIDDEN", `${field} is for runners: use a runner's token`);
  if (requirement !== "RUNNER" && requirement !== "AUTHENTICATED" && isRunner) {
    throw apiError("FORBIDDEN", `${field} is not for runners: use the token of a person or a service`);
  }
  if (requirement === "SYSTEM_ADMIN" && !isSystemAdmin(viewer))
    throw apiError("FORBIDDEN", `${field} is for system administrators`);
}
