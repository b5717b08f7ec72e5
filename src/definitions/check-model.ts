import type { z } from "zod";
import type { Finding, Path } from "./faults.ts";
import { keyOffsetOf, offsetOf } from "./locate.ts";
import { messageOf, oneOf } from "./messages.ts";
import type { SourceNode } from "./source-tree.ts";
import { STEP_MODELS, type StepTypeName } from "./step-model.ts";
import { MAP_MODELS, type WorkflowModel, workflowModel } from "./workflow-model.ts";

export interface CheckedModel {
  /** Null when there are findings. */
  readonly model: WorkflowModel | null;
  readonly findings: readonly Finding[];
}

/** Checks keys, types and the form of each value. */
export function checkModel(root: SourceNode): CheckedModel {
  const checked = workflowModel.safeParse(root.value, { error: messageOf, reportInput: true });
  if (checked.success) return { model: checked.data, findings: [] };
  return { model: null, findings: checked.error.issues.flatMap((issue) => toFindings(root, issue)) };
}

function toFindings(root: SourceNode, issue: z.core.$ZodIssue): Finding[] {
  const path = issue.path as Path;
  if (issue.code === "unrecognized_keys")
    return issue.keys.map((key) => unknownKey(root, path, key, issue.input));
  const offset = issue.code === "invalid_key" ? keyOffsetOf(root, path) : offsetOf(root, path);
  const finding = { message: issue.message, path, offset };
  if (issue.code === "invalid_value" && typeof issue.input === "string") {
    return [{ ...finding, meant: { word: issue.input, candidates: issue.values.map(String) } }];
  }
  if (issue.code === "invalid_union" && issue.discriminator === "type") {
    return [
      { ...finding, meant: { word: String(typeOf(issue.input)), candidates: Object.keys(STEP_MODELS) } },
    ];
  }
  return [finding];
}

function unknownKey(root: SourceNode, owner: Path, key: string, input: unknown): Finding {
  const path = [...owner, key];
  const offset = keyOffsetOf(root, path);
  if (owner.length !== 4) {
    return {
      message: `unknown key "${key}"`,
      path,
      offset,
      meant: { word: key, candidates: keysOf(partAt(owner)) },
    };
  }
  const type = (typeOf(input) ?? "run") as StepTypeName;
  const owners = Object.keys(STEP_MODELS).filter((name) => key in STEP_MODELS[name as StepTypeName].shape);
  if (owners.length > 0) {
    return {
      message: `"${key}" belongs to steps of type ${oneOf(owners)}; this one has type "${type}"`,
      path,
      offset,
    };
  }
  return {
    message: `unknown key "${key}"`,
    path,
    offset,
    meant: { word: key, candidates: keysOf(STEP_MODELS[type]) },
  };
}

/** Maps of different kinds never have paths of the same length but for those that are told apart here. */
function partAt(path: Path): z.ZodObject {
  const { length, 0: first } = path;
  if (length === 0) return MAP_MODELS.workflow;
  if (length === 1) return MAP_MODELS.source;
  if (length === 5) return path[4] === "test" ? MAP_MODELS.test : MAP_MODELS.retry;
  return first === "inputs" ? MAP_MODELS.input : MAP_MODELS.stage;
}

function keysOf(model: z.ZodObject): string[] {
  return Object.keys(model.shape);
}

function typeOf(step: unknown): unknown {
  return (step as { readonly type?: unknown }).type;
}
