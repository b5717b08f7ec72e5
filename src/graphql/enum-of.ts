import { registerEnumType } from "type-graphql";

/** Makes a GraphQL enum whose values are their own names: the domain's words are the schema's words. */
export function enumOf<Value extends string>(
  name: string,
  description: string,
  values: readonly Value[],
  valuesConfig: Partial<Record<Value, { description: string }>> = {},
): Record<Value, Value> {
  const members = Object.fromEntries(values.map((value) => [value, value])) as Record<Value, Value>;
  registerEnumType(members, { name, description, valuesConfig });
  return members;
}
