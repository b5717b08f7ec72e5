import { inputVariable } from "../domain/environment.ts";
import { type Expression, parseTemplate, type TemplatePart } from "../domain/expressions.ts";
import type { WorkflowGraph } from "../domain/graph.ts";
import type { Finding, Path } from "./faults.ts";
import { finishedBefore } from "./finished-before.ts";
import { child } from "./locate.ts";
import type { StepOutline } from "./outline.ts";
import type { SourceNode } from "./source-tree.ts";

/** Where an expression stands; "step" is every place that is filled in when a step starts. */
type Place = "workflow env" | "step" | "child input" | "output" | "run" | "elsewhere";
type Refusal = Pick<Finding, "message" | "meant">;

/** What the expressions of a file can refer to. */
interface Scope {
  readonly inputs: readonly string[];
  readonly refs: readonly string[];
  hasInput(name: string): boolean;
  stepOf(ref: string): StepOutline | undefined;
  /** True as well when the needs are faulty: those faults come first. */
  isOver(earlier: StepOutline, later: StepOutline): boolean;
}

/** Every `${{ }}` of the file: is it allowed there, does it exist, and is it known by then? */
export function checkExpressions(
  text: string,
  root: SourceNode,
  stages: readonly (readonly StepOutline[])[],
  graph: WorkflowGraph | null,
): Finding[] {
  const scope = scopeOf(root, stages, graph);
  const findings: Finding[] = [];
  walkTexts(root, [], null, (node, path, alias) => {
    const owner = stepAt(path, stages);
    const place = placeOf(path, owner?.type);
    const step = place === "step" || place === "child input" ? owner : null;
    const offsets = alias === null ? expressionOffsets(text, node) : null;
    for (const part of parseTemplate(node.value)) {
      if (part.kind === "text") continue;
      const refusal = refusePart(part, place, step, scope);
      const offset = alias?.start ?? offsets?.get(part.index) ?? node.start;
      if (refusal !== null) findings.push({ ...refusal, path, offset });
    }
  });
  return findings;
}

type TextNode = SourceNode & { readonly value: string };

function walkTexts(
  node: SourceNode,
  path: Path,
  alias: SourceNode | null,
  visit: (node: TextNode, path: Path, alias: SourceNode | null) => void,
): void {
  const outermost = alias ?? (node.aliased ? node : null);
  if (typeof node.value === "string" && node.value.includes("${{")) visit(node as TextNode, path, outermost);
  node.items?.forEach((item, index) => {
    walkTexts(item, [...path, index], outermost, visit);
  });
  node.entries?.forEach((entry, key) => {
    // Prose may speak of expressions.
    if (key !== "description") walkTexts(entry.node, [...path, key], outermost, visit);
  });
}

function stepAt(path: Path, stages: readonly (readonly StepOutline[])[]): StepOutline | null {
  if (path[0] !== "stages" || path[2] !== "steps") return null;
  return stages[path[1] as number]?.[path[3] as number] ?? null;
}

/** What a step of each type gets filled in, but for `env`, by key and depth; a body may hold texts at any depth. */
const FILLED_IN: Readonly<Record<string, Readonly<Record<string, (depth: number) => boolean>>>> = {
  http: {
    url: (depth) => depth === 0,
    headers: (depth) => depth === 1,
    body: () => true,
  },
  workflow: { inputs: (depth) => depth === 1 },
};

function placeOf(path: Path, stepType: unknown): Place {
  const [first, , , , key] = path;
  if (first === "stages" && typeof key === "string") {
    const depth = path.length - 5;
    if (key === "env" && depth === 1) return "step";
    if (key === "run" && depth === 0) return "run";
    if (key === "test" && (path[5] === "run" || path[5] === "discover")) return "run";
    if (FILLED_IN[String(stepType)]?.[key]?.(depth) !== true) return "elsewhere";
    return stepType === "workflow" ? "child input" : "step";
  }
  if (path.length !== 2) return "elsewhere";
  if (path[0] === "env") return "workflow env";
  return path[0] === "outputs" ? "output" : "elsewhere";
}

/** Where each `${{` of a value stands in the file; nothing when an escape sequence hides one. */
function expressionOffsets(text: string, node: TextNode): Map<number, number> {
  const inValue = Array.from(node.value.matchAll(/\$\{\{/g), (match) => match.index);
  const inSource = Array.from(text.slice(node.start, node.end).matchAll(/\$\{\{/g), (match) => match.index);
  if (inSource.length !== inValue.length) return new Map();
  return new Map(inValue.map((index, nth) => [index, node.start + inSource[nth]!]));
}

function scopeOf(
  root: SourceNode,
  stages: readonly (readonly StepOutline[])[],
  graph: WorkflowGraph | null,
): Scope {
  const inputs = child(root, "inputs")?.entries;
  const steps = stages.flat();
  const indexes = new Map(steps.map((step, index) => [step, index]));
  const byRef = new Map(steps.toReversed().map((step) => [step.ref, step]));
  let over: ReturnType<typeof finishedBefore> | null = null;
  return {
    inputs: [...(inputs?.keys() ?? [])],
    hasInput: (name) => inputs?.has(name) ?? false,
    refs: steps.flatMap(({ ref }) => (ref === null ? [] : [ref])),
    stepOf: (ref) => byRef.get(ref),
    isOver(earlier, later) {
      if (graph === null) return true;
      over ??= finishedBefore(graph);
      return over(indexes.get(earlier)!, indexes.get(later)!);
    },
  };
}

function refusePart(
  part: TemplatePart,
  place: Place,
  step: StepOutline | null,
  scope: Scope,
): Refusal | null {
  if (part.kind === "text") return null;
  if (place === "elsewhere") {
    return {
      message:
        'expressions are evaluated only in the values of "env", in the request of an http step, in the "inputs" of a workflow step and in the workflow\'s "outputs"',
    };
  }
  if (place === "run") return { message: `expressions are not allowed in commands: ${instead(part)}` };
  if (part.kind === "malformed") return { message: part.message };
  return refuseExpression(part.expression, place, step, scope);
}

/** A value that is pasted into a command can become a command; a quoted variable cannot. */
function instead(part: TemplatePart): string {
  if (part.kind !== "expression") return 'set an environment variable in "env" and use that';
  const { expression } = part;
  if (expression.kind === "input")
    return `use the variable of the input, "$${inputVariable(expression.name)}"`;
  if (expression.kind === "secret") {
    const { name } = expression;
    return `set env: { ${name}: "\${{ secrets.${name} }}" } and use "$${name}"`;
  }
  const variable = expression.key.toUpperCase().replaceAll(/[.-]/g, "_");
  const value = `\${{ steps.${expression.step}.outputs.${expression.key} }}`;
  return `set env: { ${variable}: "${value}" } and use "$${variable}"`;
}

function refuseExpression(
  expression: Expression,
  place: Place,
  step: StepOutline | null,
  scope: Scope,
): Refusal | null {
  if (expression.kind === "input") {
    const { name } = expression;
    if (scope.hasInput(name)) return null;
    return {
      message: `the workflow has no input "${name}"`,
      meant: { word: name, candidates: scope.inputs },
    };
  }
  if (expression.kind === "secret") return refuseSecret(place);
  const ref = expression.step;
  const source = scope.stepOf(ref);
  if (source === undefined) {
    return { message: `no step has the ref "${ref}"`, meant: { word: ref, candidates: scope.refs } };
  }
  if (source.type === "delay") return { message: `step "${ref}" is a delay and has no outputs` };
  if (place === "workflow env") {
    return {
      message: 'outputs of steps can be used in the "env" of a step, not in that of the whole workflow',
    };
  }
  if (step === null || scope.isOver(source, step)) return null;
  if (source === step) return { message: "a step cannot use its own outputs" };
  const remedy = source.stage > step.stage ? "it is in a later stage" : `add it to "needs" of this step`;
  return { message: `step "${ref}" may not have finished when this step starts: ${remedy}` };
}

/** What a run stores must not hold one. Whether it is set is only known when a step starts. */
function refuseSecret(place: Place): Refusal | null {
  if (place === "child input") {
    return { message: "secrets cannot be inputs of a run: use them in the workflow that needs them" };
  }
  return place === "output" ? { message: "secrets cannot be outputs of a run" } : null;
}
