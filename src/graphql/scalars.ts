import { GraphQLDateTime, GraphQLJSON } from "graphql-scalars";

export { Float, ID, Int } from "type-graphql";

/** A moment, ISO 8601 in UTC. */
export const DateTime = GraphQLDateTime;
/** Any JSON value. */
export const Json = GraphQLJSON;

/** Every object that the resolvers return is an instance of its GraphQL type's class. */
export function typeNameOf(value: object): string {
  return value.constructor.name;
}
