import { describe, expect, test } from "vitest";
import { parseWorkflowFile } from "../../src/definitions/parse-workflow-file.ts";
import { faultsOf, placeOf, withSteps } from "./marked.ts";

describe("limits", () => {
  const steps = (count: number, keys: (index: number) => string = () => "") =>
    Array.from({ length: count }, (_, index) => `{ ref: s${index}, run: "true"${keys(index)} }`);

  test("10,000 steps, in a chain with expressions over its whole length", () => {
    const chain = steps(10_000, (index) =>
      index === 0 ? "" : `, needs: [s${index - 1}], env: { A: "\${{ steps.s0.outputs.x }}" }`,
    );
    const { graph, faults } = parseWorkflowFile(withSteps(...chain));
    expect(faults).toEqual([]);
    expect(graph?.steps).toHaveLength(10_000);
  });

  test("one step more", () => {
    expect(faultsOf(withSteps(...steps(10_001)))).toEqual([
      {
        message: "a workflow can have at most 10,000 steps",
        path: "stages[0].steps[10000]",
        line: 10_005,
        column: 9,
      },
    ]);
  });

  test("201 stages", () => {
    const stages = Array.from(
      { length: 201 },
      (_, at) => `  - { name: s${at}, steps: [{ ref: s${at}, run: make }] }`,
    );
    expect(faultsOf(["name: ci", "stages:", ...stages].join("\n"))).toEqual([
      { message: "a workflow can have at most 200 stages", path: "stages[200]", line: 203, column: 5 },
    ]);
  });

  test("100,001 needs", () => {
    const some = Array.from({ length: 1_000 }, (_, index) => `s${index}`).join(", ");
    const wide = steps(1_101, (index) => (index < 1_000 ? "" : `, needs: [${index < 1_100 ? some : "s0"}]`));
    expect(faultsOf(withSteps(...wide))).toMatchObject([
      { message: "a workflow can have at most 100,000 needs", path: "stages[0].steps[1100].needs" },
    ]);
  });

  test("a command longer than a process takes", () => {
    expect(faultsOf(withSteps(`{ ref: a, run: ${"é".repeat(65_536)} }`))).toMatchObject([
      { message: "a command can have at most 131071 bytes: put more into a file", line: 5 },
    ]);
  });

  test("more than 4 MiB, counted in bytes", () => {
    expect(faultsOf(`# ${"é".repeat(2_200_000)}`)).toEqual([
      { message: "ci.yaml is larger than 4 MiB", path: "", line: 1, column: 1 },
    ]);
  });
});

describe("hostile text is refused cheaply:", () => {
  const MIB = 1024 * 1024;
  const bomb = Array.from(
    { length: 60 },
    (_, index) => `a${index + 1}: &a${index + 1} [${Array(9).fill(`*a${index}`).join()}]`,
  );
  const cases: Readonly<Record<string, readonly [text: string, message: string, place: string]>> = {
    brackets: ["[".repeat(4 * MIB), "this is nested too deeply", "1:65"],
    dashes: ["- ".repeat(2 * MIB), "this is nested too deeply", "1:128"],
    quotes: ['"'.repeat(2 * MIB), "too many errors, reading stopped here", "1:1003"],
    escapes: [`"${"\\x".repeat(MIB)}"`, "too many errors, reading stopped here", "1:2002"],
    "empty lines and comments": [
      "#\n".repeat(2 * MIB - 1),
      "the file is too large from here on",
      "1250001:2",
    ],
    documents: ["---\n".repeat(MIB), "a second YAML document starts here; a file holds one workflow", "2:1"],
    "aliases of aliases": [
      `a0: &a0 [x]\n${bomb.join("\n")}`,
      "the aliases of the file stand for too many values",
      "7:26",
    ],
    "an alias inside its own anchor": ["name: &a [*a]", "no anchor &a stands before this alias", "1:11"],
  };
  test.each(Object.entries(cases))("%s", (_, [text, message, place]) => {
    const fault = faultsOf(text).find((candidate) => candidate.message === message);
    expect(fault && placeOf(fault)).toBe(place);
  });

  test("many refs, all alike, and as many that nearly match them", () => {
    const long = "a".repeat(55);
    const steps = Array.from(
      { length: 3_000 },
      (_, at) => `{ ref: ${long}${at}, run: x, needs: [${long}${at}x] }`,
    );
    expect(faultsOf(withSteps(...steps))).toHaveLength(201);
  });

  test("300,000 keys that stand twice", () => {
    expect(faultsOf("a: 1\n".repeat(300_000))).toHaveLength(201);
  });
});
