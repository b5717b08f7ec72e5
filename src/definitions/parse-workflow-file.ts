import type { WorkflowDefinition } from "../domain/definition.ts";
import { graphOf } from "../domain/definition.ts";
import type { WorkflowGraph } from "../domain/graph.ts";
import { buildDefinition } from "./build-definition.ts";
import { checkBuildSteps } from "./check-build-steps.ts";
import { checkExpressions } from "./check-expressions.ts";
import { checkGraph, checkSize, checkStageNames } from "./check-graph.ts";
import { checkModel } from "./check-model.ts";
import { checkTestSteps } from "./check-test-steps.ts";
import { type Fault, type Finding, formatPath, lineCounterOf, toFaults } from "./faults.ts";
import { MAX_FILE_BYTES } from "./limits.ts";
import { outlineOf } from "./outline.ts";
import { buildSourceTree } from "./source-tree.ts";
import { readYaml } from "./yaml-document.ts";

export type ParsedWorkflowFile =
  | { readonly definition: WorkflowDefinition; readonly graph: WorkflowGraph; readonly faults: readonly [] }
  | { readonly definition: null; readonly graph: null; readonly faults: readonly Fault[] };

/**
 * Reads a workflow file, YAML or JSON. A faulty one answers with all of its faults in the order of the file;
 * only text that is no YAML hides what else may be wrong. `fileName` is for messages about the whole file.
 */
export function parseWorkflowFile(
  text: string,
  { fileName = "the file" }: { readonly fileName?: string } = {},
): ParsedWorkflowFile {
  const refuse = (findings: readonly Finding[]) =>
    ({ definition: null, graph: null, faults: toFaults(findings, lineCounterOf(text)) }) as const;
  const refuseWhole = (message: string) =>
    refuse([{ message: `${fileName} ${message}`, path: [], offset: 0 }]);

  if (Buffer.byteLength(text) > MAX_FILE_BYTES) return refuseWhole("is larger than 4 MiB");
  const { contents, problems } = readYaml(text);
  if (problems.length > 0) return refuse(problems.map((problem) => ({ ...problem, path: [] })));
  const tree = contents && buildSourceTree(contents);
  if (tree === null || (tree.root.value === null && tree.findings.length === 0)) {
    return refuseWhole('is empty: a workflow needs at least "name" and "stages"');
  }
  const { root } = tree;
  const stages = outlineOf(root);
  const tooMuch = checkSize(root, stages);
  if (tooMuch.length > 0) return refuse([...tree.findings, ...tooMuch]);
  const shape = checkModel(root);
  const needs = checkGraph(root, stages);
  // A value that could not be read is not refused once more for what stands in its place.
  const unread = new Set(tree.findings.map(placeOf));
  const findings = [
    ...shape.findings,
    ...checkStageNames(root),
    ...checkBuildSteps(root, stages),
    ...checkTestSteps(root, stages),
    ...needs.findings,
    ...checkExpressions(text, root, stages, needs.graph),
  ]
    .filter((finding) => !unread.has(placeOf(finding)))
    .concat(tree.findings);
  if (findings.length > 0 || shape.model === null) return refuse(findings);
  const definition = buildDefinition(shape.model, root);
  return { definition, graph: graphOf(definition), faults: [] };
}

function placeOf({ offset, path }: Finding): string {
  return `${offset} ${formatPath(path)}`;
}
