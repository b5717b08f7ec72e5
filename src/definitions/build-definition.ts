import type { EnvVar, InputDefinition, StepDefinition, WorkflowDefinition } from "../domain/definition.ts";
import { MAX_DURATION_MS } from "./duration.ts";
import type { SourceNode } from "./source-tree.ts";
import type { WorkflowModel } from "./workflow-model.ts";

type StepModel = WorkflowModel["stages"][number]["steps"][number];
type InputModel = WorkflowModel["inputs"][string];

/** A delay runs nothing and cannot fail; it has these so that every step can be read alike. */
const DELAY_DEFAULTS = {
  continueOnError: false,
  retry: { attempts: 1, backoffMs: 0, factor: 1, maxBackoffMs: 0 },
  queue: "default",
  labels: [],
  timeoutMs: MAX_DURATION_MS,
  run: null,
  shell: "",
  env: [],
} as const;

/** The checked model in its stored form. The source is asked how the values of variables were written. */
export function buildDefinition(model: WorkflowModel, source: SourceNode): WorkflowDefinition {
  const stages = source.entries?.get("stages")?.node.items;
  return {
    name: model.name,
    description: model.description ?? null,
    inputs: Object.entries(model.inputs).map(buildInput),
    env: buildEnvironment(model.env, source),
    source: model.source ? { git: model.source.git, ref: model.source.ref ?? null } : null,
    timeoutMs: model.timeout,
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

function buildStep(step: StepModel, source: SourceNode | undefined): StepDefinition {
  const { ref, needs, when } = step;
  const base = { ref, name: step.name ?? null, needs, when };
  if (step.type === "delay") return { ...base, ...DELAY_DEFAULTS, type: "DELAY", delayMs: step.duration };
  const { attempts, backoff, factor, maxBackoff } = step.retry;
  return {
    ...base,
    type: "RUN",
    continueOnError: step.continueOnError,
    retry: { attempts, backoffMs: backoff, factor, maxBackoffMs: maxBackoff },
    delayMs: null,
    queue: step.queue,
    // Labels are a set: equal ones must look alike to whoever groups steps by them.
    labels: [...new Set(step.labels)].sort(),
    run: step.run,
    shell: step.shell,
    env: buildEnvironment(step.env, source),
    timeoutMs: step.timeout,
  };
}

function buildEnvironment(env: WorkflowModel["env"], owner: SourceNode | undefined): EnvVar[] {
  const sources = owner?.entries?.get("env")?.node.entries;
  return Object.entries(env).map(([key, value]) => ({
    key,
    value: sources?.get(key)?.node.written ?? String(value),
  }));
}
