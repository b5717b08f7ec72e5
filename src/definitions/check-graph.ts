import { compileGraph, type GraphFault, type StepSpec, type WorkflowGraph } from "../domain/graph.ts";
import { type Finding, formatPath, type Path } from "./faults.ts";
import { MAX_NEEDS, MAX_STAGES, MAX_STEPS } from "./limits.ts";
import { child, offsetOf } from "./locate.ts";
import type { StepOutline } from "./outline.ts";
import type { SourceNode } from "./source-tree.ts";

/** The first of each limit that the file exceeds; then the rest of it is not worth looking at. */
export function checkSize(root: SourceNode, stages: readonly (readonly StepOutline[])[]): Finding[] {
  const steps = stages.flat();
  const findings: Finding[] = [];
  const refuse = (path: Path, message: string) =>
    findings.push({ path, message, offset: offsetOf(root, path) });
  if (stages.length > MAX_STAGES)
    refuse(["stages", MAX_STAGES], `a workflow can have at most ${MAX_STAGES} stages`);
  const extra = steps[MAX_STEPS];
  if (extra) refuse(extra.path, `a workflow can have at most ${MAX_STEPS.toLocaleString("en")} steps`);
  let needs = 0;
  for (const step of steps) {
    needs += step.needs.length;
    if (needs <= MAX_NEEDS) continue;
    refuse([...step.path, "needs"], `a workflow can have at most ${MAX_NEEDS.toLocaleString("en")} needs`);
    break;
  }
  return findings;
}

export function checkStageNames(root: SourceNode): Finding[] {
  const names = new Set<unknown>();
  return (child(root, "stages")?.items ?? []).flatMap((stage, index) => {
    const name = child(stage, "name")?.value;
    const path = ["stages", index, "name"];
    if (typeof name !== "string" || !names.has(name)) {
      names.add(name);
      return [];
    }
    const message = `stage name "${name}" is used twice; every stage of a workflow needs a name of its own`;
    return [{ message, path, offset: offsetOf(root, path) }];
  });
}

export interface CheckedGraph {
  /** Null when there are findings. */
  readonly graph: WorkflowGraph | null;
  readonly findings: readonly Finding[];
}

/** What is wrong with refs and needs. */
export function checkGraph(root: SourceNode, stages: readonly (readonly StepOutline[])[]): CheckedGraph {
  const { graph, faults } = compileGraph(specsOf(stages));
  const refs = stages.flat().flatMap(({ ref }) => (ref === null ? [] : [ref]));
  return { graph, findings: faults.map((fault) => toFinding(root, stages, fault, refs)) };
}

function toFinding(
  root: SourceNode,
  stages: readonly (readonly StepOutline[])[],
  { code, message, stage, step: position, need }: GraphFault,
  refs: readonly string[],
): Finding {
  const step = stages[stage]![position]!;
  if (need === null) {
    const path = [...step.path, "ref"];
    return { message, path, offset: offsetOf(root, path) };
  }
  const { ref, index } = step.needs[need]!;
  const path = [...step.path, "needs", index];
  const finding = { message, path, offset: offsetOf(root, path) };
  return code === "UNKNOWN_NEED" ? { ...finding, meant: { word: ref, candidates: refs } } : finding;
}

/** Only refs and needs matter for the shape; a step without a ref goes by its place in the file. */
function specsOf(stages: readonly (readonly StepOutline[])[]): { name: string; steps: StepSpec[] }[] {
  return stages.map((steps) => ({
    name: "",
    steps: steps.map(({ ref, needs, path }) => ({
      ref: ref ?? formatPath(path),
      name: null,
      type: "RUN",
      waitsFor: "RUNNER",
      needs: needs.map((need) => need.ref),
      when: "on_success",
      continueOnError: false,
      retry: { attempts: 1, backoffMs: 0, factor: 1, maxBackoffMs: 0 },
      delayMs: null,
      patienceMs: null,
      approval: null,
      queue: "",
      labels: [],
    })),
  }));
}
