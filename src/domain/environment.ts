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

/** What Linux takes for one variable, and what a task may carry in all: references multiply, so both are bounded. */
const MAX_VALUE_LENGTH = 128 * 1024 - 1;
const MAX_TOTAL_LENGTH = 1024 * 1024;

/** The environment cannot be built; the message is for whoever started the run. */
export class EnvironmentError extends Error {}

/** One pass over each value, so that nothing that was put in is read again. */
function apply(environment: Map<string, string>, layer: Layer, context: ExpressionContext | null): void {
  for (const { key, value } of layer) environment.set(key, substitute(environment, key, value, context));
  let total = 0;
  for (const [key, value] of environment) total += key.length + value.length;
  if (total > MAX_TOTAL_LENGTH) {
    throw new EnvironmentError(`the environment is longer than ${MAX_TOTAL_LENGTH} characters in all`);
  }
}

/** Counts while it grows: a short text can name a long variable thousands of times. */
function substitute(
  environment: ReadonlyMap<string, string>,
  key: string,
  value: string,
  context: ExpressionContext | null,
): string {
  let length = key.length + value.length;
  const counted = (text: string): string => {
    length += text.length;
    if (length <= MAX_VALUE_LENGTH) return text;
    throw new EnvironmentError(
      `the environment variable ${key} is longer than ${MAX_VALUE_LENGTH} characters`,
    );
  };
  counted("");
  return value.replace(SUBSTITUTION, (found: string, name: string | undefined) => {
    if (name !== undefined) return counted(environment.get(name) ?? found);
    if (found === "$${") return "${";
    return context === null ? found : counted(resolveExpressions(found, context));
  });
}

/** The environment variable that carries an input: `target` is `$TARGET`. */
export function inputVariable(name: string): string {
  return name.toUpperCase();
}

function toEntries(environment: ReadonlyMap<string, string>): EnvVar[] {
  return Array.from(environment, ([key, value]) => ({ key, value }));
}
