import { type ClassType, Field, ObjectType } from "type-graphql";
import { MutationPayload } from "../user-errors.ts";
import { StepRun } from "./step-run.ts";
import { WorkflowRun } from "./workflow-run.ts";

export interface RunPayload extends MutationPayload {
  workflowRun: WorkflowRun | null;
}

export interface StepPayload extends MutationPayload {
  stepRun: StepRun | null;
}

/** The payload of a command to one run. */
export function runPayload(name: string, description: string) {
  @ObjectType(name, { implements: MutationPayload, description })
  class Payload extends MutationPayload {
    @Field(() => WorkflowRun, {
      nullable: true,
      description: "The run as it is now; null when nothing was done.",
    })
    workflowRun!: WorkflowRun | null;
  }
  Object.defineProperty(Payload, "name", { value: name });
  return Payload as ClassType<RunPayload>;
}

/** The payload of a command to one step. */
export function stepPayload(name: string, description: string) {
  @ObjectType(name, { implements: MutationPayload, description })
  class Payload extends MutationPayload {
    @Field(() => StepRun, {
      nullable: true,
      description: "The step as it is now; null when nothing was done.",
    })
    stepRun!: StepRun | null;
  }
  Object.defineProperty(Payload, "name", { value: name });
  return Payload as ClassType<StepPayload>;
}
