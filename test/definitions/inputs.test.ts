import { describe, expect, test } from "vitest";
import { validateInputs } from "../../src/definitions/inputs.ts";
import { parseWorkflowFile } from "../../src/definitions/parse-workflow-file.ts";

const { definition } = parseWorkflowFile(`
name: ci
inputs:
  target: { required: true }
  count: { type: number, default: 3 }
  dry: { type: boolean, default: false }
  stage: { type: choice, options: [blue, green] }
  note: {}
  constructor: {}
stages: [{ name: one, steps: [{ ref: a, run: make }] }]
`);
const check = (given: Readonly<Record<string, unknown>>) => validateInputs(definition!, given);

describe("validateInputs", () => {
  test("fills defaults in and leaves out what has no value", () => {
    expect(check({ target: "all" })).toEqual({ values: { target: "all", count: 3, dry: false }, faults: [] });
  });

  test("takes values of every type, in the order of the file", () => {
    const { values, faults } = check({ stage: "green", note: "", dry: true, count: -1.5, target: "" });
    expect(faults).toEqual([]);
    expect(Object.entries(values)).toEqual([
      ["target", ""],
      ["count", -1.5],
      ["dry", true],
      ["stage", "green"],
      ["note", ""],
    ]);
  });

  test("null is not given", () => {
    expect(check({ target: "x", count: null }).values).toMatchObject({ count: 3 });
    expect(check({ target: null }).faults).toEqual([
      { message: 'the input "target" is required', path: "inputs.target" },
    ]);
  });

  test("names every fault", () => {
    expect(
      check({ target: 5, count: "3", dry: "no", stage: "red", note: "a\0b", traget: 1, "a b": 2 }).faults,
    ).toEqual([
      {
        message: 'the input "target": expected text, got the number 5: put it in quotes',
        path: "inputs.target",
      },
      { message: 'the input "count": expected a number, got "3"', path: "inputs.count" },
      { message: 'the input "dry": expected true or false, got "no"', path: "inputs.dry" },
      {
        message: 'the input "stage": expected one of the options blue, green; got "red"',
        path: "inputs.stage",
      },
      {
        message: 'the input "note": a value cannot hold a NUL character or half of a surrogate pair',
        path: "inputs.note",
      },
      { message: 'the workflow has no input "traget"; did you mean "target"?', path: "inputs.traget" },
      { message: 'the workflow has no input "a b"', path: 'inputs["a b"]' },
    ]);
  });

  test.each([Number.NaN, Number.POSITIVE_INFINITY, "", [], {}])("%s is no number", (count) => {
    expect(check({ target: "x", count }).faults).toHaveLength(1);
  });

  test("names that every object has are given only when they are", () => {
    expect(Object.keys(check({ target: "x" }).values)).not.toContain("constructor");
    expect(
      check(JSON.parse('{"target":"x","__proto__":1,"toString":2}')).faults.map(({ path }) => path),
    ).toEqual(["inputs.__proto__", "inputs.toString"]);
  });

  test("a value longer than a process takes is refused", () => {
    expect(check({ target: "x".repeat(32_769) }).faults[0]?.message).toContain("at most 32768 characters");
  });
});
