import {
  type GraphQLArgument,
  type GraphQLNamedType,
  type GraphQLObjectType,
  getNamedType,
  isEnumType,
  isInputObjectType,
  isInterfaceType,
  isNonNullType,
  isObjectType,
} from "graphql";
import { describe, expect, it } from "vitest";
import { ACCESS } from "../../src/domain/access.ts";
import { guardRootFields } from "../../src/graphql/guard.ts";
import { buildApiSchema } from "../../src/graphql/schema.ts";

const schema = buildApiSchema();
const ROOTS = ["Query", "Mutation", "Subscription"] as const;
const root = (name: (typeof ROOTS)[number]) => schema.getType(name) as GraphQLObjectType;
const types = Object.values(schema.getTypeMap()).filter(({ name }) => !name.startsWith("__"));
const objects = types.filter(isObjectType);

/** What of the schema has no description: types, fields, arguments, input fields. */
function undescribed(type: GraphQLNamedType): string[] {
  const isRoot = ROOTS.some((name) => name === type.name);
  const own = isRoot || type.description?.trim() ? [] : [type.name];
  if (!isObjectType(type) && !isInterfaceType(type) && !isInputObjectType(type)) return own;
  const fields = Object.values(type.getFields()).flatMap((field) => {
    const path = `${type.name}.${field.name}`;
    const args: readonly GraphQLArgument[] = "args" in field ? field.args : [];
    const bare = args.filter(({ description }) => !description?.trim());
    return [...(field.description?.trim() ? [] : [path]), ...bare.map(({ name }) => `${path}(${name})`)];
  });
  return [...own, ...fields];
}

describe("the schema", () => {
  it("describes every type, field and argument", () => {
    expect(types.length).toBeGreaterThan(60);
    expect(types.flatMap(undescribed)).toEqual([]);
    expect(types.filter(isEnumType).map(({ name }) => name)).toContain("WorkflowRunStatus");
  });

  it("has an entry in the access table for every root field, and no other", () => {
    for (const name of ROOTS) {
      expect(Object.keys(root(name).getFields()).sort()).toEqual(Object.keys(ACCESS[name]).sort());
    }
  });

  it("cannot be built with a root field that the access table does not know", () => {
    const grown = buildApiSchema();
    const fields = (grown.getType("Query") as GraphQLObjectType).getFields();
    fields["everything"] = { ...fields["viewer"]!, name: "everything" };
    expect(() => guardRootFields(grown)).toThrow("Query.everything");
  });

  it("answers every mutation with a nullable payload that carries userErrors, but for the runners' own", () => {
    for (const [name, { type }] of Object.entries(root("Mutation").getFields())) {
      expect([name, isNonNullType(type)]).toEqual([name, false]);
      const payload = getNamedType(type) as GraphQLObjectType;
      const interfaces = payload.getInterfaces().map((each) => each.name);
      const isRunners = ACCESS.Mutation[name as keyof typeof ACCESS.Mutation] === "RUNNER";
      expect([name, interfaces.includes("MutationPayload")]).toEqual([name, !isRunners]);
    }
  });

  it("takes one `input` for each mutation, with a clientMutationId but for the runners' own", () => {
    for (const [name, { args }] of Object.entries(root("Mutation").getFields())) {
      expect([name, args.map((arg) => arg.name)]).toEqual([name, ["input"]]);
      const input = getNamedType(args[0]!.type);
      const fields = isInputObjectType(input) ? Object.keys(input.getFields()) : [];
      const isRunners = ACCESS.Mutation[name as keyof typeof ACCESS.Mutation] === "RUNNER";
      expect([name, fields.includes("clientMutationId")]).toEqual([name, !isRunners]);
    }
  });

  it("answers look-ups with nullable types", () => {
    const fields = root("Query").getFields();
    for (const name of ["node", "project", "workflow", "workflowRun"])
      expect([name, isNonNullType(fields[name]!.type)]).toEqual([name, false]);
  });

  it("gives every message of a subscription a cursor, and names fields so that fragments never clash", () => {
    const messages = objects.filter((type) =>
      type.getInterfaces().some(({ name }) => name === "StreamMessage"),
    );
    expect(messages.map(({ name }) => name)).toEqual(
      expect.arrayContaining(["CaughtUp", "Reset", "RunFinished", "LogLines"]),
    );
    const seen = new Map<string, string>();
    for (const message of messages) {
      for (const [name, { type }] of Object.entries(message.getFields()))
        expect(`${name}: ${seen.get(name) ?? type}`).toBe(`${name}: ${type}`);
      for (const [name, { type }] of Object.entries(message.getFields())) seen.set(name, String(type));
    }
    for (const { name, type, args } of Object.values(root("Subscription").getFields())) {
      // Its messages are complete: there is nothing to go on from.
      if (name === "workflowRunCountsChanged") continue;
      expect(String(type)).toBe("StreamMessage!");
      expect(args.find(({ name }) => name === "after")?.type.toString()).toBe("StreamPosition!");
    }
  });

  it("says what exclusive inputs are, and enforces it", () => {
    const position = schema.getType("StreamPosition");
    expect(isInputObjectType(position) && position.isOneOf).toBe(true);
  });

  it("gives every abstract type a way to tell its objects apart", () => {
    const abstract = types.filter(isInterfaceType);
    expect(abstract.length).toBeGreaterThan(3);
    for (const type of abstract)
      expect([type.name, typeof type.resolveType]).toEqual([type.name, "function"]);
  });

  it("pages every list of its own the same way", () => {
    const connections = objects.filter(({ name }) => name.endsWith("Connection"));
    expect(connections.length).toBeGreaterThan(2);
    for (const connection of connections) {
      const shape = Object.entries(connection.getFields())
        .filter(([name]) => name !== "eventCursor")
        .map(([name, { type }]) => `${name}: ${type}`);
      const item = connection.name.replace("Connection", "");
      expect(shape.sort()).toEqual([
        `edges: [${item}Edge!]!`,
        `nodes: [${item}!]!`,
        "pageInfo: PageInfo!",
        "totalCount: TotalCount!",
      ]);
    }
  });
});
