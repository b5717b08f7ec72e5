import type { WorkflowDefinition } from "../domain/definition.ts";
import { closest } from "./closest.ts";
import { formatPath } from "./faults.ts";
import { refuseInputValue } from "./input-model.ts";

export type InputValue = string | number | boolean;

export interface InputFault {
  readonly message: string;
  /** Such as "inputs.target". */
  readonly path: string;
}

export interface CheckedInputs {
  /** By name, in the order of the file; an optional input without a value is left out. */
  readonly values: Readonly<Record<string, InputValue>>;
  readonly faults: readonly InputFault[];
}

/** Checks what a run is started with and fills the defaults in. Null counts as not given. */
export function validateInputs(
  { inputs }: WorkflowDefinition,
  given: Readonly<Record<string, unknown>>,
): CheckedInputs {
  const values: Record<string, InputValue> = {};
  const faults: InputFault[] = [];
  for (const { name, type, options, required, default: fallback } of inputs) {
    const value = (Object.hasOwn(given, name) ? given[name] : null) ?? fallback;
    const path = formatPath(["inputs", name]);
    if (value === null) {
      if (required) faults.push({ message: `the input "${name}" is required`, path });
      continue;
    }
    const refusal = refuseInputValue(type, options, value);
    if (refusal === null) values[name] = value as InputValue;
    else faults.push({ message: `the input "${name}": ${refusal}`, path });
  }
  const declared = inputs.map(({ name }) => name);
  for (const name of Object.keys(given).filter((name) => !declared.includes(name))) {
    const guess = closest(name, declared);
    const hint = guess ? `; did you mean "${guess}"?` : "";
    faults.push({
      message: `the workflow has no input ${JSON.stringify(name)}${hint}`,
      path: formatPath(["inputs", name]),
    });
  }
  return { values, faults };
}
