import { expect, it } from "vitest";
import { parseWorkflowFile } from "../../src/definitions/parse-workflow-file.ts";
import { typedInputs } from "../../src/definitions/typed-inputs.ts";

const SOURCE = `name: typed
inputs:
  version: { type: string }
  count: { type: number }
  fast: { type: boolean }
stages:
  - name: a
    steps: [{ ref: s, run: "true" }]
`;
const DECLARED = parseWorkflowFile(SOURCE).definition?.inputs ?? [];

it.each([
  ["a string input", "version", "1.10", "1.10"],
  ["a string input", "version", "true", "true"],
  ["a string input", "version", "", ""],
  ["a number input", "count", "1.50", 1.5],
  ["a number input", "count", "-3", -3],
  ["a number input", "count", "many", "many"],
  ["a number input", "count", "", ""],
  ["a number input", "count", "Infinity", "Infinity"],
  ["a boolean input", "fast", "true", true],
  ["a boolean input", "fast", "false", false],
  ["a boolean input", "fast", "1", "1"],
  ["an undeclared input", "other", "1", "1"],
])("%s: %s=%s", (_kind, name, text, value) => {
  expect(typedInputs(DECLARED, { [name]: text })).toEqual({ [name]: value });
});
