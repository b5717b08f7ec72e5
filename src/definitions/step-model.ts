import { z } from "zod";
import { buildStep, runStep } from "./command-steps.ts";
import { httpStep } from "./http-step.ts";
import { describeValue } from "./messages.ts";
import { testStep } from "./test-step.ts";
import { approvalStep, delayStep, externalStep, workflowStep } from "./waiting-steps.ts";

/** The step types by the value of `type`, each with its keys. */
export const STEP_MODELS = {
  run: runStep,
  build: buildStep,
  test: testStep,
  http: httpStep,
  approval: approvalStep,
  external: externalStep,
  workflow: workflowStep,
  delay: delayStep,
} as const;

export type StepTypeName = keyof typeof STEP_MODELS;

export const stepModel = z.discriminatedUnion(
  "type",
  [runStep, buildStep, testStep, httpStep, approvalStep, externalStep, workflowStep, delayStep],
  { error: ({ code, input }) => (code === "invalid_union" ? stepTypeMessage(input) : undefined) },
);

function stepTypeMessage(step: unknown): string {
  const type = (step as { readonly type?: unknown }).type;
  return typeof type === "string"
    ? `unknown step type ${describeValue(type)}`
    : `expected a step type such as "run", got ${describeValue(type)}`;
}
