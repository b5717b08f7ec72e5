import type { GraphQLField, GraphQLObjectType, GraphQLSchema } from "graphql";
import { describe, expect, it } from "vitest";
import { ACCESS, type Requirement, type Viewer } from "../../src/domain/access.ts";
import { guardRootFields } from "../../src/graphql/guard.ts";
import { buildApiSchema } from "../../src/graphql/schema.ts";

const ROOTS = ["Query", "Mutation", "Subscription"] as const;
const schema = buildApiSchema();
const fieldsOf = (from: GraphQLSchema, root: string) => (from.getType(root) as GraphQLObjectType).getFields();

const ALL = ROOTS.flatMap((root) =>
  Object.values(fieldsOf(schema, root)).map((field) => ({
    root,
    name: field.name,
    field,
    requirement: (ACCESS[root] as Readonly<Record<string, Requirement>>)[field.name],
  })),
);

const PERSON: Viewer = {
  accountId: "00000000-0000-7000-8000-000000000001",
  tokenId: "00000000-0000-7000-8000-000000000002",
  type: "USER",
  systemAdmin: false,
  onlyProjectId: null,
  roles: new Map(),
  tokenExpiresAt: null,
};
const RUNNER: Viewer = { ...PERSON, type: "RUNNER", systemAdmin: true };
const LIMITED: Viewer = { ...PERSON, systemAdmin: true, onlyProjectId: PERSON.accountId };

/** The message with which the guard refuses a viewer; null when it lets them pass to the resolver. */
function refusal(root: string, field: GraphQLField<unknown, unknown>, viewer: Viewer): string | null {
  const step = root === "Subscription" ? field.subscribe! : field.resolve!;
  try {
    const answer: unknown = step({}, {}, { viewer }, {} as never);
    // Behind the guard there is nothing to work with here: how that fails is not of interest.
    if (answer instanceof Promise) answer.catch(() => undefined);
    return null;
  } catch (error) {
    const isGuards = error instanceof Error && "extensions" in error;
    return isGuards ? error.message : null;
  }
}

describe("every root field", () => {
  it("stands in the access table", () => {
    expect(ALL.filter(({ requirement }) => requirement === undefined).map(({ name }) => name)).toEqual([]);
    expect(ALL.length).toBe(ROOTS.flatMap((root) => Object.keys(ACCESS[root])).length);
  });

  it.each(ROOTS)("of %s that the table does not know keeps the schema from being built", (root) => {
    const grown = buildApiSchema();
    const fields = fieldsOf(grown, root);
    fields["everything"] = { ...Object.values(fields)[0]!, name: "everything" };
    expect(() => guardRootFields(grown)).toThrow(`${root}.everything`);
  });

  it.each(ROOTS)("of %s that is gone from the schema must go from the table", (root) => {
    const shrunk = buildApiSchema();
    const fields = fieldsOf(shrunk, root);
    const gone = Object.keys(fields)[0]!;
    delete fields[gone];
    expect(() => guardRootFields(shrunk)).toThrow(`${root}.${gone}`);
  });
});

describe("the guard", () => {
  it("keeps runners to their protocol and to what everybody may ask", () => {
    const open = ALL.filter(({ root, field }) => refusal(root, field, RUNNER) === null);
    expect(open.map(({ name }) => name)).toEqual(
      ALL.filter(({ requirement }) => requirement === "RUNNER" || requirement === "AUTHENTICATED").map(
        ({ name }) => name,
      ),
    );
  });

  it.each([
    ["a person without any role", PERSON],
    ["a system administrator whose token is limited to a project", LIMITED],
  ])("keeps %s from the runners' protocol and from what concerns the whole installation", (_who, viewer) => {
    const closed = ALL.filter(({ root, field }) => refusal(root, field, viewer) !== null);
    expect(closed.map(({ name }) => name)).toEqual(
      ALL.filter(({ requirement }) => requirement === "RUNNER" || requirement === "SYSTEM_ADMIN").map(
        ({ name }) => name,
      ),
    );
  });
});
