import { describe, expect, test } from "vitest";
import { parseWorkflowFile } from "../../src/definitions/parse-workflow-file.ts";
import { mergeEnvironment, stepEnvironment } from "../../src/domain/environment.ts";

type Pairs = Readonly<Record<string, string>>;

const layer = (pairs: Pairs) => Object.entries(pairs).map(([key, value]) => ({ key, value }));
const textOf = (entries: readonly { key: string; value: string }[]) =>
  entries.map(({ key, value }) => `${key}=${value}`);

describe("mergeEnvironment", () => {
  test("later layers win, the order of first appearance is kept", () => {
    const merged = mergeEnvironment([layer({ A: "1", B: "2" }), layer({ C: "3", A: "4" })]);
    expect(textOf(merged)).toEqual(["A=4", "B=2", "C=3"]);
  });

  test("the last duplicate of a layer wins", () => {
    expect(textOf(mergeEnvironment([[...layer({ A: "1" }), ...layer({ A: "2" })]]))).toEqual(["A=2"]);
  });

  test("a reference sees what stands before it, in lower layers too", () => {
    const merged = mergeEnvironment([
      layer({ A: "1", B: "${A}b" }),
      layer({ A: "${A}${A}", C: "${B}-${A}" }),
    ]);
    expect(textOf(merged)).toEqual(["A=11", "B=1b", "C=1b-11"]);
  });

  test("a reference to what comes later or nowhere stays as it is written", () => {
    expect(textOf(mergeEnvironment([layer({ A: "${B}", B: "1", C: "${toString} $B ${} ${9}" })]))).toEqual([
      "A=${B}",
      "B=1",
      "C=${toString} $B ${} ${9}",
    ]);
  });

  test("an escaped reference is text", () => {
    expect(textOf(mergeEnvironment([layer({ A: "1", B: "$${A} ${A} $$ $$A" })]))).toEqual([
      "A=1",
      "B=${A} 1 $$ $$A",
    ]);
  });

  test("a value that was put in is not read again", () => {
    expect(textOf(mergeEnvironment([layer({ A: "1", B: "$${A}", C: "${B}" })])).at(-1)).toBe("C=${A}");
  });
});

describe("stepEnvironment", () => {
  const { definition } = parseWorkflowFile(`
name: ci
inputs: { target: {}, count: { type: number, default: 3 }, absent: {} }
env: { BASE: "/srv/\${TARGET}", LEVEL: workflow }
stages:
  - name: one
    steps:
      - { ref: a, run: make }
      - ref: b
        needs: [a]
        run: make
        env:
          LEVEL: step
          VERSION: "\${{ steps.a.outputs.version }}"
          PLACE: "\${BASE}/\${{ inputs.target }}/\${VERSION}"
          TEXT: "$\${{ inputs.target }} $\${BASE}"
          JOINED: "\${{ inputs.target }}{BASE}"
`);
  const step = definition!.stages[0]!.steps[1]!;
  const environmentOf = (inputs: Readonly<Record<string, unknown>>, version: string, run: Pairs = {}) =>
    Object.fromEntries(
      stepEnvironment(
        definition!,
        step,
        { inputs, stepOutputs: { a: { version } } },
        { below: [layer({ LEVEL: "project", TARGET: "project" })], above: [layer(run)] },
      ).map(({ key, value }) => [key, value]),
    );

  test("lays inputs, workflow, step and run over each other and resolves expressions", () => {
    expect(environmentOf({ target: "all", count: 3 }, "1.2", { RUN: "${LEVEL}", VERSION: "2" })).toEqual({
      LEVEL: "step",
      TARGET: "all",
      COUNT: "3",
      BASE: "/srv/all",
      VERSION: "2",
      PLACE: "/srv/all/all/1.2",
      TEXT: "${{ inputs.target }} ${BASE}",
      JOINED: "all{BASE}",
      RUN: "step",
    });
  });

  test("inputs and outputs are text for good, whatever they hold", () => {
    const environment = environmentOf({ target: "${LEVEL}$" }, "${{ inputs.target }}${LEVEL}");
    expect(environment).toMatchObject({
      TARGET: "${LEVEL}$",
      BASE: "/srv/${LEVEL}$",
      VERSION: "${{ inputs.target }}${LEVEL}",
      JOINED: "${LEVEL}${BASE}",
    });
  });

  test("an optional input without a value sets no variable", () => {
    expect(environmentOf({ target: "x" }, "")).not.toHaveProperty("ABSENT");
  });
});
