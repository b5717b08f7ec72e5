import { z } from "zod";
import { buildStep, runStep } from "./command-steps.ts";
import { httpStep } from "./http-step.ts";
import { describeValue } from "./messages.ts";
import { approvalStep, delayStep, externalStep, workflowStep } from "./waiting-steps.ts";

/** The step types by the value of `type`, each with its keys. */
export const STEP_MODELS = {
  run: runStep,
  build: buildStep,
  http: httpStep,
  approval: approvalStep,
  external: externalStep,
  workflow: workflowStep,
  delay: delayStep,
} as const;

export type StepTypeName = keyof typeof STEP_MODELS;

/** Named so that a file of a later version is told apart from a typing error. */
const LATER_STEP_TYPES: ReadonlySet<unknown> = new Set(["test"]);

export const stepModel = z.discriminatedUnion(
  "type",
  [runStep, buildStep, httpStep, approvalStep, externalStep, workflowStep, delayStep],
  { error: ({ code, input }) => (code === "invalid_union" ? stepTypeMessage(input) : undefined) },
);

function stepTypeMessage(step: unknown): string {
  const type = (step as { readonly type?: unknown }).type;
  if (LATER_STEP_TYPES.has(type)) return `step type "${type}" is not available in this version`;
  return typeof type === "string"
    ? `unknown step type ${describeValue(type)}`
    : `expected a step type such as "run", got ${describeValue(type)}`;
}
