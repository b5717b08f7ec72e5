import { Field, InputType } from "type-graphql";
import type { StepSelector } from "../../actions/command-step.ts";
import { keyOf, type NodeType, placeOf } from "../../domain/ids.ts";
import { notFound } from "../../domain/refusals.ts";
import { RevisedCommandInput } from "../command-input.ts";
import { ID } from "../scalars.ts";

/** The database key behind an id of the input; one that names nothing is refused like an unknown one. */
export function keyIn(type: NodeType, id: string, path: string): string {
  const key = keyOf(type, id);
  if (key === null) throw notFound(path);
  return key;
}

@InputType("StepRunRef", { description: "A step by its run and the ref in the workflow file." })
export class StepRunRefInput {
  @Field(() => ID, { description: "The run." })
  workflowRunId!: string;

  @Field(() => String, { description: "The step's `ref` in the workflow file." })
  stepRef!: string;
}

@InputType("StepRunSelector", { description: "Which step: exactly one of the two." })
export class StepRunSelectorInput {
  @Field(() => ID, { nullable: true, description: "The step run's id." })
  id?: string | null;

  @Field(() => StepRunRefInput, { nullable: true, description: "Its run and its ref." })
  ref?: StepRunRefInput | null;
}

/** A command to one run. */
@InputType()
export class RunCommandInput extends RevisedCommandInput {
  @Field(() => ID, { description: "The run." })
  workflowRunId!: string;
}

/** A command to one step; its `revision` is that of its run. */
@InputType()
export class StepCommandInput extends RevisedCommandInput {
  @Field(() => StepRunSelectorInput, { description: "The step." })
  step!: StepRunSelectorInput;
}

export function readStep({ id, ref }: StepRunSelectorInput): StepSelector {
  if (id != null) {
    const place = placeOf("StepRun", id);
    if (place === null) throw notFound("input.step");
    return place;
  }
  const { workflowRunId, stepRef } = ref!;
  // PostgreSQL knows no such text, so no step is called that.
  if (stepRef.includes("\0")) throw notFound("input.step");
  return { runId: keyIn("WorkflowRun", workflowRunId, "input.step"), ref: stepRef };
}
