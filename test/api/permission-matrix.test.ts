import type { GraphQLObjectType } from "graphql";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ACCESS } from "../../src/domain/access.ts";
import { buildApiSchema } from "../../src/graphql/schema.ts";
import { expectedOutcome, outcomeOf, type RoleWalk, startRoleWalk, WHO } from "./role-walk.ts";
import { ROOT_FIELDS } from "./root-fields.ts";
import { expectNothingWritten } from "./tables.ts";

const schema = buildApiSchema();
const IN_SCHEMA = ["Query", "Mutation", "Subscription"].flatMap((type) =>
  Object.keys((schema.getType(type) as GraphQLObjectType).getFields()).map((field) => `${type}.${field}`),
);
const FIELDS = IN_SCHEMA.filter((field) => field in ROOT_FIELDS);

let walk: RoleWalk;
beforeAll(async () => {
  walk = await startRoleWalk();
});
afterAll(async () => await walk?.[Symbol.asyncDispose]());

describe("the table of requests", () => {
  it("has a line for every root field of the schema", () => {
    expect(IN_SCHEMA.filter((field) => !(field in ROOT_FIELDS))).toEqual([]);
  });

  it("has no line for a field that the schema does not have", () => {
    expect(Object.keys(ROOT_FIELDS).filter((field) => !IN_SCHEMA.includes(field))).toEqual([]);
  });

  it("asks for what the access table asks for", () => {
    const access = Object.entries(ACCESS).flatMap(([type, fields]) =>
      Object.entries(fields).map(([field, requirement]) => [`${type}.${field}`, requirement]),
    );
    const contract = FIELDS.map((field) => [field, ROOT_FIELDS[field]!.requirement]);
    expect(Object.fromEntries(access.filter(([field]) => FIELDS.includes(field!)))).toEqual(
      Object.fromEntries(contract),
    );
  });
});

describe.each(WHO)("%s", (who, role) => {
  it.each(FIELDS)("%s", async (field) => {
    const expected = expectedOutcome(field, who, role);
    const act = async () => await walk.ask(field, walk.own, who);
    const mayWrite = expected === "ALLOWED" || !field.startsWith("Mutation");
    const answer = mayWrite ? await act() : await expectNothingWritten(walk.server.database, act);
    const outcome = outcomeOf(answer);
    if (outcome === "EMPTY") expect(expected).not.toBe("FORBIDDEN");
    else expect(outcome).toBe(expected);
  });
});

describe("a foreign object is answered like one that does not exist", () => {
  const outsiders = ["none", "PROJECT_USER", "PROJECT_SUPERUSER", "PROJECT_ADMIN", "RUNNER"];
  const about = FIELDS.filter((field) => ROOT_FIELDS[field]!.request.length > 0);
  it.each(about.flatMap((field) => outsiders.map((who) => [field, who] as const)))(
    "%s for %s",
    async (field, who) => {
      const act = async () => [
        await walk.ask(field, walk.foreign, who),
        await walk.ask(field, walk.random, who),
      ];
      const [existing, none] = field.startsWith("Mutation")
        ? await expectNothingWritten(walk.server.database, act)
        : await act();
      const isRunners = who === "RUNNER" && ROOT_FIELDS[field]!.requirement === "RUNNER";
      if (!isRunners) expect(outcomeOf(existing!)).not.toBe("ALLOWED");
      expect(JSON.stringify(existing)).toBe(JSON.stringify(none));
    },
  );
});
