import { describe, expect, test } from "vitest";
import { mentionsStepOutputs, resolveExpressions } from "../../src/domain/expressions.ts";
import { faultsOf, placeOf, unmark, withSteps } from "./marked.ts";

describe("resolveExpressions", () => {
  const context = {
    inputs: { target: "all", count: 3, dry: false, empty: "" },
    stepOutputs: {
      compile: { version: "1.10", image: { digest: "sha" }, "a.b": "dotted", list: [1, "x"], none: null },
    },
  };
  const cases: Readonly<Record<string, readonly [template: string, text: string]>> = {
    "text without expressions": ["$HOME {{ x }} ${NAME}", "$HOME {{ x }} ${NAME}"],
    "an input": ["${{ inputs.target }}", "all"],
    "without spaces, several, with text around": ["<${{inputs.count}}-${{inputs.dry}}>", "<3-false>"],
    "a step's output": ["v${{ steps.compile.outputs.version }}", "v1.10"],
    "a key that leads inside": ["${{ steps.compile.outputs.image.digest }}", "sha"],
    "a key with a dot in it": ["${{ steps.compile.outputs.a.b }}", "dotted"],
    "a list and a map": [
      "${{ steps.compile.outputs.list }} ${{ steps.compile.outputs.image }}",
      '[1,"x"] {"digest":"sha"}',
    ],
    "no such output": ["<${{ steps.compile.outputs.nothing }}>", "<>"],
    "an output that is null": ["<${{ steps.compile.outputs.none }}>", "<>"],
    "a step without outputs": ["<${{ steps.skipped.outputs.x }}>", "<>"],
    "an input that was not given": ["<${{ inputs.absent }}>", "<>"],
    "names that every object has": ["<${{ inputs.constructor }}${{ steps.constructor.outputs.name }}>", "<>"],
    "an escaped expression": ["$${{ inputs.target }} ${{ inputs.target }}", "${{ inputs.target }} all"],
  };
  test.each(Object.entries(cases))("%s", (_, [template, text]) => {
    expect(resolveExpressions(template, context)).toBe(text);
  });

  test("does not read again what it has put in", () => {
    const inputs = { target: "${{ inputs.other }}", other: "x" };
    expect(resolveExpressions("${{ inputs.target }}", { inputs, stepOutputs: {} })).toBe(
      "${{ inputs.other }}",
    );
  });
});

test("mentionsStepOutputs", () => {
  expect(mentionsStepOutputs("x ${{ steps.a.outputs.b }}")).toBe(true);
  expect(mentionsStepOutputs("x ${{ inputs.a }} $${{ steps.a.outputs.b }} steps.a.outputs.b")).toBe(false);
});

/** The marks stand where the faults must be reported. */
const refused: Readonly<Record<string, readonly [file: string, ...messages: string[]]>> = {
  "an undeclared input": [
    `inputs: { target: {} }\nenv: { A: "\${{ inputs.target }}-§\${{ inputs.traget }}" }\n${withSteps("{ ref: a, run: make }")}`,
    'the workflow has no input "traget"; did you mean "target"?',
  ],
  "an unknown step": [
    withSteps('{ ref: a, run: make, env: { A: "§${{ steps.b.outputs.c }}" } }'),
    'no step has the ref "b"',
  ],
  "a step's own outputs": [
    withSteps('{ ref: a, run: make, env: { A: "§${{ steps.a.outputs.c }}" } }'),
    "a step cannot use its own outputs",
  ],
  "a step beside it": [
    withSteps("{ ref: a, run: make }", '{ ref: b, run: make, env: { A: "§${{ steps.a.outputs.c }}" } }'),
    'step "a" may not have finished when this step starts: add it to "needs" of this step',
  ],
  "a step of a later stage": [
    `name: ci
stages:
  - name: one
    steps:
      - ref: a
        run: make
        env: { A: "§\${{ steps.b.outputs.c }}" }
  - { name: two, steps: [{ ref: b, run: make }] }`,
    'step "b" may not have finished when this step starts: it is in a later stage',
  ],
  "a step of the stage before, whose barrier a need further back has lifted": [
    `name: ci
stages:
  - { name: one, steps: [{ ref: a, run: make }] }
  - { name: two, steps: [{ ref: b, run: make }] }
  - name: three
    steps:
      - ref: c
        run: make
        needs: [a]
        env: { A: "\${{ steps.a.outputs.x }}", B: "§\${{ steps.b.outputs.x }}" }`,
    'step "b" may not have finished when this step starts: add it to "needs" of this step',
  ],
  "the outputs of a delay": [
    `outputs: { a: "§\${{ steps.d.outputs.x }}" }\n${withSteps("{ ref: d, type: delay, duration: 1s }")}`,
    'step "d" is a delay and has no outputs',
  ],
  "outputs in the workflow's env": [
    `env: { A: "§\${{ steps.a.outputs.x }}" }\n${withSteps("{ ref: a, run: make }")}`,
    'outputs of steps can be used in the "env" of a step, not in that of the whole workflow',
  ],
  "an input in a command": [
    `inputs: { target: {} }\n${withSteps("{ ref: a, run: 'make §${{ inputs.target }}' }")}`,
    'expressions are not allowed in commands: use the variable of the input, "$TARGET"',
  ],
  "an output in a command of several lines": [
    withSteps(
      "{ ref: a, run: make }",
      "ref: b\n        needs: [a]\n        run: |\n          make\n          echo §${{ steps.a.outputs.the-x }}",
    ),
    'expressions are not allowed in commands: set env: { THE_X: "${{ steps.a.outputs.the-x }}" } and use "$THE_X"',
  ],
  "anything else in a command": [
    withSteps("{ ref: a, run: 'echo §${{ env.X }}' }"),
    'expressions are not allowed in commands: set an environment variable in "env" and use that',
  ],
  "any other place": [
    `source: { git: ".", ref: §"§\${{ inputs.b }}" }\n${withSteps('{ ref: a, run: make, name: "§${{ inputs.b }}" }')}`,
    '"${{ inputs.b }}" is not a branch, tag or commit',
    ...Array(2).fill(
      'expressions are evaluated only in the values of "env", in the request of an http step, in the "inputs" of a workflow step and in the workflow\'s "outputs"',
    ),
  ],
  "operators and unknown names": [
    `env: { A: "§\${{ inputs.a || 'x' }}", B: "§\${{ github.sha }}", C: "§\${{ }}" }\n${withSteps("{ ref: a, run: make }")}`,
    "\"${{ inputs.a || 'x' }}\" cannot be evaluated: use ${{ inputs.NAME }}, ${{ steps.REF.outputs.KEY }} or ${{ secrets.NAME }}",
    '"${{ github.sha }}" cannot be evaluated: use ${{ inputs.NAME }}, ${{ steps.REF.outputs.KEY }} or ${{ secrets.NAME }}',
    '"${{  }}" cannot be evaluated: use ${{ inputs.NAME }}, ${{ steps.REF.outputs.KEY }} or ${{ secrets.NAME }}',
  ],
  "an expression that is not closed": [
    `env: { A: "x §\${{ inputs.a }" }\n${withSteps("{ ref: a, run: make }")}`,
    'this expression is not closed: "}}" is missing',
  ],
  "an expression hidden by escapes, reported where the value starts": [
    `env: { A: §"x \\x24\\x7b{ nothing }}" }\n${withSteps("{ ref: a, run: make }")}`,
    '"${{ nothing }}" cannot be evaluated: use ${{ inputs.NAME }}, ${{ steps.REF.outputs.KEY }} or ${{ secrets.NAME }}',
  ],
  "an expression behind an alias": [
    withSteps(
      '{ ref: a, run: make, env: &e { A: "§${{ steps.a.outputs.x }}" } }',
      "{ ref: b, needs: [a], run: make, env: *e }",
    ),
    "a step cannot use its own outputs",
  ],
};

describe("an expression is refused when it is", () => {
  test.each(Object.entries(refused))("%s", (_, [marked, ...messages]) => {
    const { text, places } = unmark(marked);
    const faults = faultsOf(text);
    expect(faults.map(({ message }) => message)).toEqual(messages);
    expect(faults.map(placeOf)).toEqual(places);
  });
});

const accepted: Readonly<Record<string, string>> = {
  "a need of a need": withSteps(
    "{ ref: a, run: make }",
    "{ ref: b, run: make, needs: [a] }",
    '{ ref: c, run: make, needs: [b], env: { A: "${{ steps.a.outputs.x }}" } }',
  ),
  "a step of any earlier stage, also for a step that needs one of its own stage": `name: ci
stages:
  - { name: one, steps: [{ ref: a, run: make }] }
  - { name: two, steps: [{ ref: b, run: make }] }
  - name: three
    steps:
      - { ref: c, run: make, env: { A: "\${{ steps.a.outputs.x }}", B: "\${{ steps.b.outputs.x }}" } }
      - { ref: d, run: make, needs: [c], env: { A: "\${{ steps.a.outputs.x }}" } }`,
  "a step of a stage that its need waited for": `name: ci
stages:
  - { name: one, steps: [{ ref: a, run: make }] }
  - { name: two, steps: [{ ref: b, run: make }] }
  - name: three
    steps:
      - { ref: c, run: make, needs: [b], env: { A: "\${{ steps.a.outputs.x }}" } }`,
  "prose, and escaped expressions": `description: "says \${{ x }}"\noutputs: { a: "$\${{ x }}" }\n${withSteps("{ ref: a, run: 'echo $${{ x }}' }")}`,
};

describe("an expression is accepted when it names", () => {
  test.each(Object.entries(accepted))("%s", (_, text) => {
    expect(faultsOf(text)).toEqual([]);
  });
});
