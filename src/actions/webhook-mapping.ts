import type { WorkflowDefinition } from "../domain/definition.ts";
import { type Fault, invalid } from "../domain/refusals.ts";
import type { WebhookMapping } from "../persistence/queries/webhooks.ts";
import { isJsonPointer, valueAt } from "./json-pointer.ts";
import {
  checkRunOptions,
  defaultRunOptions,
  labelFaults,
  RUN_LIMITS,
  type RunOptions,
} from "./run-options.ts";

const PATH = "input.mapping";
const HEADS = "refs/heads/";

/** What is wrong with a mapping for deliveries that start this workflow. */
export function mappingFaults(definition: WorkflowDefinition, mapping: WebhookMapping): Fault[] {
  const declared = new Set(definition.inputs.map(({ name }) => name));
  const { inputs, labels, branch, commit, message } = mapping;
  const pointers = [
    ...Object.entries(inputs).map(([name, pointer]) => [`inputs.${name}`, pointer] as const),
    ...Object.entries(labels).map(([key, pointer]) => [`labels.${key}`, pointer] as const),
    ...Object.entries({ branch, commit, message }),
  ];
  const unknown = Object.keys(inputs).filter((name) => !declared.has(name));
  const missing = definition.inputs.filter(
    ({ name, required, default: fallback }) => required && fallback === null && !Object.hasOwn(inputs, name),
  );
  return [
    ...pointers
      .filter(([, pointer]) => pointer !== null && !isJsonPointer(pointer))
      .map(([place]) => fault(place, "must be a JSON Pointer (RFC 6901), such as /head_commit/id")),
    ...unknown.map((name) => fault(`inputs.${name}`, `the workflow has no input ${JSON.stringify(name)}`)),
    ...missing.map(({ name }) => fault("inputs", `the input "${name}" is required: map it`)),
    ...(commit !== null && branch === null ? [fault("commit", "a commit needs its branch")] : []),
    ...labelKeyFaults(labels),
  ];
}

function fault(place: string, message: string): Fault {
  return { path: `${PATH}.${place}`, message, line: null, column: null };
}

function labelKeyFaults(labels: WebhookMapping["labels"]): Fault[] {
  const empty = Object.fromEntries(Object.keys(labels).map((key) => [key, ""]));
  return labelFaults(empty).map((found) => ({ ...found, path: found.path.replace(/^input/, PATH) }));
}

/** What a delivery with this body asks for. Throws a refusal that names what does not fit. */
export function readDelivery(mapping: WebhookMapping, body: unknown): RunOptions {
  const faults: Fault[] = [];
  const textAt = (place: string, pointer: string | null): string | null => {
    const value = pointer === null ? null : (valueAt(body, pointer) ?? null);
    if (value === null) return null;
    // Numbers and truth values have one text that everybody expects; lists and objects do not.
    if (typeof value !== "object") return String(value);
    const message = `the value at ${pointer} must be a text`;
    faults.push({ path: `input.${place}`, message, line: null, column: null });
    return null;
  };
  const labels = Object.entries(mapping.labels).map(
    ([key, pointer]) => [key, textAt(`labels.${key}`, pointer)] as const,
  );
  const inputs = Object.entries(mapping.inputs).map(
    ([name, pointer]) => [name, valueAt(body, pointer) ?? null] as const,
  );
  const branch = textAt("branch", mapping.branch);
  const options = {
    ...defaultRunOptions(),
    inputs: Object.fromEntries(inputs.filter(([, value]) => value !== null)),
    payload: body,
    branch: branch?.startsWith(HEADS) ? branch.slice(HEADS.length) : branch,
    commit: textAt("commit", mapping.commit),
    // Whoever wrote a long commit message did not know of our limit.
    message: textAt("message", mapping.message)?.slice(0, RUN_LIMITS.messageLength) ?? null,
    labels: Object.fromEntries(labels.filter((entry): entry is [string, string] => entry[1] !== null)),
  };
  if (faults.length > 0) throw invalid("input", faults);
  checkRunOptions(options);
  return options;
}
