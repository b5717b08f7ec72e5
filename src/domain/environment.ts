import type { EnvVar, StepDefinition, WorkflowDefinition } from "./definition.ts";
import { type ExpressionContext, resolveExpressions, toText } from "./expressions.ts";

type Layer = readonly EnvVar[];

/** An escaped `$${`, an expression, or a reference to an earlier variable. */
const SUBSTITUTION = /\$\$\{|\$\{\{.*?\}\}|\$\{([A-Za-z_][A-Za-z0-9_]*)\}/gs;

/**
 * Lays environments over each other: later layers win, within a layer the last duplicate wins, and the order of
 * first appearance is kept. `${NAME}` is the value that NAME has at that point; a name that nothing has set stays
 * as it is written, and `$${NAME}` is the text `${NAME}`.
 */
export function mergeEnvironment(layers: readonly Layer[]): EnvVar[] {
  const environment = new Map<string, string>();
  for (const layer of layers) apply(environment, layer, null);
  return toEntries(environment);
}

/**
 * The environment of one attempt: `below` (the project), the inputs as variables, the workflow's and the step's
 * `env`, then `above` (the run). Values that come from inputs and outputs are text for good: a `${NAME}` inside
 * of them is not looked at.
 */
export function stepEnvironment(
  definition: WorkflowDefinition,
  step: StepDefinition,
  context: ExpressionContext,
  { below = [], above = [] }: { readonly below?: readonly Layer[]; readonly above?: readonly Layer[] } = {},
): EnvVar[] {
  const environment = new Map<string, string>();
  for (const layer of below) apply(environment, layer, null);
  for (const { name } of definition.inputs) {
    if (Object.hasOwn(context.inputs, name))
      environment.set(inputVariable(name), toText(context.inputs[name]));
  }
  apply(environment, definition.env, context);
  apply(environment, step.env, context);
  for (const layer of above) apply(environment, layer, null);
  return toEntries(environment);
}

/** One pass over each value, so that nothing that was put in is read again. */
function apply(environment: Map<string, string>, layer: Layer, context: ExpressionContext | null): void {
  for (const { key, value } of layer) {
    const text = value.replace(SUBSTITUTION, (found: string, name: string | undefined) => {
      if (name !== undefined) return environment.get(name) ?? found;
      if (found === "$${") return "${";
      return context === null ? found : resolveExpressions(found, context);
    });
    environment.set(key, text);
  }
}

/** The environment variable that carries an input: `target` is `$TARGET`. */
export function inputVariable(name: string): string {
  return name.toUpperCase();
}

function toEntries(environment: ReadonlyMap<string, string>): EnvVar[] {
  return Array.from(environment, ([key, value]) => ({ key, value }));
}
