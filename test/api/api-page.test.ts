import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { getOperationAST, getVariableValues, isEnumType, parse, validate } from "graphql";
import { describe, expect, it } from "vitest";
import { RUN_ACTIONS, STEP_ACTIONS, TEST_ACTIONS } from "../../src/domain/legal.ts";
import { documentLimits } from "../../src/graphql/limits/document-limits.ts";
import { buildApiSchema } from "../../src/graphql/schema.ts";
import { USER_ERROR_TYPES } from "../../src/graphql/user-errors.ts";

const page = readFileSync(fileURLToPath(new URL("../../docs/api.md", import.meta.url)), "utf8");
const schema = buildApiSchema();
const mutations = Object.keys(schema.getMutationType()!.getFields());

/** Every example with the variables that follow it. */
const examples = [...page.matchAll(/```graphql\n(.*?)```(?:\n\n```json\n(.*?)```)?/gs)].map(
  ([, document, variables]) => [/\w+ (\w+)/.exec(document!)![1]!, document!, variables] as const,
);
/** What the page says of each mutation that has a section of its own. */
const sections = new Map(
  page
    .split(/^(?=#)/m)
    .map((text) => [/^### `(\w+)`/.exec(text)?.[1], text] as const)
    .filter((entry): entry is [string, string] => entry[0] !== undefined),
);
/** Statuses of the table that begins with this column. */
const statusesOf = (column: string): string[] => {
  const [, table] = page.split(`| ${column} |`);
  return [...table!.split("\n\n")[0]!.matchAll(/^\| ([A-Z_]+) \|/gm)].map(([, status]) => status!);
};

describe("the page about the API", () => {
  it.each(examples)("has a valid example: %s", (_name, document, variables) => {
    const parsed = parse(document);
    expect(validate(schema, parsed).map(({ message }) => message)).toEqual([]);
    expect(validate(schema, parsed, [documentLimits])).toEqual([]);
    const declared = getOperationAST(parsed)!.variableDefinitions ?? [];
    expect(variables === undefined).toBe(declared.length === 0);
    const given = JSON.parse(variables ?? "{}");
    expect(getVariableValues(schema, declared, given).errors ?? []).toEqual([]);
    const names = new Set(declared.map(({ variable }) => variable.name.value));
    expect(Object.keys(given).filter((name) => !names.has(name))).toEqual([]);
  });

  it("names every mutation, and no other", () => {
    for (const name of mutations) expect(page).toContain(`\`${name}\``);
    expect([...sections.keys()].filter((name) => !mutations.includes(name))).toEqual([]);
    const commands = mutations.filter((name) =>
      /^(?!report.*Runs$).*(Run|Runs|RunLabels|RunsLabels|Subtree|StepProgress|StepTrace|Approval|BulkOperation|executeWorkflow|submitTests|rediscoverTests)$/.test(
        name,
      ),
    );
    expect([...sections.keys()].sort()).toEqual(commands.sort());
    for (const [name, text] of sections) expect(text).toContain(`  ${name}(input: $input)`);
  });

  it.each(Object.entries({ ...RUN_ACTIONS, ...STEP_ACTIONS, ...TEST_ACTIONS }))(
    "says where %s is legal",
    (name, legal) => {
      const line = /^Legal in: (.*)\.$/m.exec(sections.get(name)!)?.[1];
      expect(line?.split(", ").sort()).toEqual([...legal].sort());
    },
  );

  it("has every status, refusal and outcome", () => {
    const valuesOf = (type: string): string[] => {
      const found = schema.getType(type);
      return isEnumType(found) ? found.getValues().map(({ name }) => name) : [];
    };
    expect(statusesOf("status of a run").sort()).toEqual(valuesOf("WorkflowRunStatus").sort());
    expect(statusesOf("status of a step").sort()).toEqual(valuesOf("StepRunStatus").sort());
    for (const { name } of USER_ERROR_TYPES) expect(page).toContain(`\n| ${name} | `);
    const [, outcomes] = page.split("| outcome |");
    for (const outcome of valuesOf("BulkOutcome")) expect(outcomes).toContain(outcome);
  });

  it("links to places that there are", () => {
    const anchors = [...page.matchAll(/^#+ (.*)$/gm)].map(([, title]) =>
      title!
        .toLowerCase()
        .replaceAll(/[^a-z0-9 -]/g, "")
        .replaceAll(" ", "-"),
    );
    const links = [...page.matchAll(/\]\(#([^)]*)\)/g)].map(([, anchor]) => anchor!);
    expect(links.length).toBeGreaterThan(5);
    expect(links.filter((anchor) => !anchors.includes(anchor))).toEqual([]);
  });
});
