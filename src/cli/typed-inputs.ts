import { parseWorkflowFile } from "../definitions/parse-workflow-file.ts";
import type { InputType } from "../domain/definition.ts";

/**
 * Gives the texts of a command line the types that the workflow declares. What does not fit stays text, as do the
 * inputs of a faulty file and undeclared ones: the server explains what is wrong with them.
 */
export function typedInputs(
  source: string,
  texts: Readonly<Record<string, string>>,
): Record<string, string | number | boolean> {
  const declared = parseWorkflowFile(source).definition?.inputs ?? [];
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
