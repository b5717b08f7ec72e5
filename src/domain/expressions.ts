/** A `${{ }}` of a template. */
export type Expression =
  | { readonly kind: "input"; readonly name: string }
  | { readonly kind: "output"; readonly step: string; readonly key: string }
  | { readonly kind: "secret"; readonly name: string };

export type TemplatePart =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "expression"; readonly expression: Expression; readonly index: number }
  | { readonly kind: "malformed"; readonly message: string; readonly index: number };

/** What a run knows when templates are filled in. */
export interface ExpressionContext {
  readonly inputs: Readonly<Record<string, unknown>>;
  /** Outputs of the finished steps by their ref. */
  readonly stepOutputs: Readonly<Record<string, unknown>>;
  /** Values by name, where secrets may be used. */
  readonly secrets?: ReadonlyMap<string, string>;
}

/** A secret that is used is not set; the message is for whoever started the run. */
export class SecretError extends Error {}

const OPENING = /\$?\$\{\{/g;
const INPUT = /^inputs\.([A-Za-z_][A-Za-z0-9_]*)$/;
const SECRET = /^secrets\.([A-Z_][A-Z0-9_]{0,99})$/;
const OUTPUT = /^steps\.([a-z0-9][a-z0-9_-]*)\.outputs\.([A-Za-z_][A-Za-z0-9_.-]*)$/;

/** Cuts a template at its expressions. `index` is where the `${{` stands; `$${{` is the text `${{`. */
export function parseTemplate(template: string): TemplatePart[] {
  const parts: TemplatePart[] = [];
  let from = 0;
  for (const { 0: opening, index } of template.matchAll(OPENING)) {
    if (index < from) continue;
    if (opening.startsWith("$$")) {
      parts.push({ kind: "text", text: `${template.slice(from, index)}\${{` });
      from = index + opening.length;
      continue;
    }
    if (index > from) parts.push({ kind: "text", text: template.slice(from, index) });
    const end = template.indexOf("}}", index);
    if (end < 0) {
      parts.push({ kind: "malformed", message: 'this expression is not closed: "}}" is missing', index });
      return parts;
    }
    parts.push(parseExpression(template.slice(index + opening.length, end).trim(), index));
    from = end + 2;
  }
  if (from < template.length) parts.push({ kind: "text", text: template.slice(from) });
  return parts;
}

function parseExpression(text: string, index: number): TemplatePart {
  const input = INPUT.exec(text);
  if (input) return { kind: "expression", expression: { kind: "input", name: input[1]! }, index };
  const secret = SECRET.exec(text);
  if (secret) return { kind: "expression", expression: { kind: "secret", name: secret[1]! }, index };
  const output = OUTPUT.exec(text);
  if (output)
    return { kind: "expression", expression: { kind: "output", step: output[1]!, key: output[2]! }, index };
  const shown = text.length > 60 ? `${text.slice(0, 57)}...` : text;
  return {
    kind: "malformed",
    message: `"\${{ ${shown} }}" cannot be evaluated: use \${{ inputs.NAME }}, \${{ steps.REF.outputs.KEY }} or \${{ secrets.NAME }}`,
    index,
  };
}

/**
 * Fills a template in. What has no value (an input that was not given, an output that the step did not write,
 * a step that was skipped) is empty text, as an unset variable is in a shell. Lists and maps become JSON.
 */
export function resolveExpressions(template: string, context: ExpressionContext): string {
  if (!template.includes("${{")) return template;
  return [...resolvedParts(template, context)].join("");
}

/** As `resolveExpressions`; null as soon as it is longer than this: a short text can name a long output many times. */
export function resolveWithin(template: string, context: ExpressionContext, most: number): string | null {
  let text = "";
  for (const part of resolvedParts(template, context)) {
    if (text.length + part.length > most) return null;
    text += part;
  }
  return text;
}

/** Piece by piece, for whoever must stop before it becomes too long. */
export function* resolvedParts(template: string, context: ExpressionContext): Generator<string> {
  for (const part of parseTemplate(template)) {
    if (part.kind === "text") yield part.text;
    if (part.kind === "expression") yield toText(evaluate(part.expression, context));
  }
}

/** Whether the outputs of the run's steps must be known to fill the template in. */
export function mentionsStepOutputs(template: string): boolean {
  return expressionsOf(template).some(({ kind }) => kind === "output");
}

/** Names of the secrets that the template is filled in with. */
export function mentionedSecrets(template: string): string[] {
  return expressionsOf(template).flatMap((expression) =>
    expression.kind === "secret" ? [expression.name] : [],
  );
}

function expressionsOf(template: string): Expression[] {
  if (!template.includes("${{")) return [];
  return parseTemplate(template).flatMap((part) => (part.kind === "expression" ? [part.expression] : []));
}

function evaluate(expression: Expression, { inputs, stepOutputs, secrets }: ExpressionContext): unknown {
  if (expression.kind === "input") return property(inputs, expression.name);
  if (expression.kind === "secret") {
    const { name } = expression;
    const value = secrets?.get(name);
    if (value === undefined)
      throw new SecretError(`the secret ${name} is set neither for the workflow nor for its project`);
    return value;
  }
  const { step, key } = expression;
  const output = property(stepOutputs, step);
  // A key=value line may have a dot in its key; in an output that is JSON, dots lead inside.
  return property(output, key) ?? key.split(".").reduce(property, output);
}

/** Own properties only: a step may be called "constructor". */
function property(owner: unknown, key: string): unknown {
  if (typeof owner !== "object" || owner === null || !Object.hasOwn(owner, key)) return undefined;
  return (owner as Readonly<Record<string, unknown>>)[key];
}

export function toText(value: unknown): string {
  if (value === undefined || value === null) return "";
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}
