import type { InputDefinition, InputType } from "../domain/definition.ts";

/**
 * Gives inputs that were written as text the types that their workflow declares. What does not fit stays text, as do
 * undeclared ones: the check of the inputs tells what is wrong with them.
 */
export function typedInputs(
  declared: readonly InputDefinition[],
  texts: Readonly<Record<string, string>>,
): Record<string, string | number | boolean> {
  const types = new Map(declared.map(({ name, type }) => [name, type]));
  return Object.fromEntries(
    Object.entries(texts).map(([name, text]) => [name, typed(text, types.get(name))]),
  );
}

function typed(text: string, type: InputType | undefined): string | number | boolean {
  if (type === "boolean" && (text === "true" || text === "false")) return text === "true";
  if (type === "number" && text.trim() !== "" && Number.isFinite(Number(text))) return Number(text);
  return text;
}
