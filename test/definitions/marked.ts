import type { Fault } from "../../src/definitions/faults.ts";
import { parseWorkflowFile } from "../../src/definitions/parse-workflow-file.ts";

const MARK = "§";

/** Splits a text with marks into the text without them and the line and column of each, "3:15". */
export function unmark(marked: string): { text: string; places: string[] } {
  const places: string[] = [];
  let [line, column] = [1, 1];
  for (const character of marked) {
    if (character === MARK) places.push(`${line}:${column}`);
    else if (character === "\n") [line, column] = [line + 1, 1];
    else column += 1;
  }
  return { text: marked.replaceAll(MARK, ""), places };
}

/** A whole file around the steps of its only stage. */
export function withSteps(...steps: string[]): string {
  return [
    "name: ci",
    "stages:",
    "  - name: build",
    "    steps:",
    ...steps.map((step) => `      - ${step}`),
  ].join("\n");
}

export function faultsOf(text: string): readonly Fault[] {
  return parseWorkflowFile(text, { fileName: "ci.yaml" }).faults;
}

export function placeOf({ line, column }: Fault): string {
  return `${line}:${column}`;
}
