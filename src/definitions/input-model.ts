import { z } from "zod";
import { INPUT_TYPES, type InputType } from "../domain/definition.ts";
import { inputVariable } from "../domain/environment.ts";
import { MAX_INPUTS, MAX_VALUE_LENGTH } from "./limits.ts";
import { describeValue } from "./messages.ts";
import { description, list, mapOf, plainValue, variableName } from "./model-parts.ts";

export const inputModel = z
  .strictObject({
    type: z
      .enum(INPUT_TYPES)
      .default("string")
      .meta({ description: "What values it takes.", examples: ["choice"] }),
    default: plainValue.optional().meta({
      description: "The value when a run gives none. Without it the variable stays unset.",
      examples: ["staging"],
    }),
    required: z
      .boolean()
      .default(false)
      .meta({
        description: "Every run must give a value; excludes `default`.",
        examples: [true],
      }),
    description: description.optional().meta({ examples: ["Where to deploy"] }),
    options: list(z.string().min(1).max(200), { min: 1, max: 200 })
      .optional()
      .meta({
        description: "The values to choose from, for type `choice`.",
        examples: [["staging", "production"]],
      }),
  })
  .superRefine(checkInput);

/** The rules between the keys of one input. */
function checkInput(input: z.output<typeof inputModel>, context: z.RefinementCtx): void {
  const fault = (path: string[], message: string) => context.addIssue({ code: "custom", path, message });
  const { type, options, required } = input;
  if (type === "choice" && options === undefined) fault([], 'an input of type "choice" needs "options"');
  if (type !== "choice" && options !== undefined)
    fault(["options"], `options belong to type "choice", not "${type}"`);
  if (input.default === undefined) return;
  if (required) fault(["default"], "a required input never uses its default: remove one of the two");
  const refusal = refuseInputValue(type, options ?? null, input.default);
  if (refusal !== null) fault(["default"], refusal);
}

/** Why an input does not take this value; null when it does. */
export function refuseInputValue(
  type: InputType,
  options: readonly string[] | null,
  value: unknown,
): string | null {
  const got = describeValue(value);
  switch (type) {
    case "choice":
      if (options === null || options.some((option) => option === value)) return null;
      return `expected one of the options ${options.join(", ")}; got ${got}`;
    case "number":
      return Number.isFinite(value) ? null : `expected a number, got ${got}`;
    case "boolean":
      return typeof value === "boolean" ? null : `expected true or false, got ${got}`;
    case "string":
      return refuseText(value);
  }
}

function refuseText(value: unknown): string | null {
  if (typeof value !== "string") return `expected text, got ${describeValue(value)}: put it in quotes`;
  if (value.length > MAX_VALUE_LENGTH) return `a value can have at most ${MAX_VALUE_LENGTH} characters`;
  return /\0|\p{Surrogate}/u.test(value)
    ? "a value cannot hold a NUL character or half of a surrogate pair"
    : null;
}

/** Variables that commands cannot do without, and those of Runcast itself. */
const SYSTEM_VARIABLE = /^(PATH|HOME|PWD|IFS|LANG|RUNCAST_.*)$/;

export const inputsModel = mapOf(variableName, inputModel, MAX_INPUTS).superRefine((inputs, context) => {
  const owners = new Map<string, string>();
  for (const name of Object.keys(inputs)) {
    const variable = inputVariable(name);
    const fault = (message: string) => context.addIssue({ code: "custom", path: [name], message });
    if (SYSTEM_VARIABLE.test(variable))
      fault(`the input "${name}" would replace the system's variable $${variable}`);
    const owner = owners.get(variable);
    if (owner !== undefined)
      fault(`the inputs "${owner}" and "${name}" would both be the variable $${variable}`);
    owners.set(variable, name);
  }
});
