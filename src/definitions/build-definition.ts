import type { InputDefinition, WorkflowDefinition } from "../domain/definition.ts";
import { buildStep, writtenMap } from "./build-step.ts";
import type { SourceNode } from "./source-tree.ts";
import type { WorkflowModel } from "./workflow-model.ts";

type InputModel = WorkflowModel["inputs"][string];

/** The checked model in its stored form. The source is asked how the values of variables were written. */
export function buildDefinition(model: WorkflowModel, source: SourceNode): WorkflowDefinition {
  const stages = source.entries?.get("stages")?.node.items;
  return {
    name: model.name,
    description: model.description ?? null,
    inputs: Object.entries(model.inputs).map(buildInput),
    env: writtenMap(model.env, source, "env"),
    source: model.source ? { git: model.source.git, ref: model.source.ref ?? null } : null,
    timeoutMs: model.timeout,
    maxParallelSteps: model.maxParallelSteps ?? null,
    outputs: model.outputs,
    stages: model.stages.map(({ name, steps }, stage) => {
      const sources = stages?.[stage]?.entries?.get("steps")?.node.items;
      return { name, steps: steps.map((step, index) => buildStep(step, sources?.[index])) };
    }),
  };
}

function buildInput([name, input]: [string, InputModel]): InputDefinition {
  return {
    name,
    type: input.type,
    description: input.description ?? null,
    required: input.required,
    default: input.default ?? null,
    options: input.options ?? null,
  };
}
