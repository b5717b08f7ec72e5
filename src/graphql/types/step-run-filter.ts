import { Field, InputType } from "type-graphql";
import type { StepRunStatus } from "../../domain/statuses.ts";
import type { StepFilter } from "../../persistence/queries/step-list.ts";
import { StepRunStatusEnum } from "../enums.ts";
import { ID } from "../scalars.ts";
import { checkLength, readKeys, readSpan, TimeRangeInput } from "./ranges.ts";

@InputType("StepRunFilter", {
  description:
    "Which steps: all conditions that are given must hold. A list that is null asks for nothing, an empty list matches nothing.",
})
export class StepRunFilterInput {
  @Field(() => [StepRunStatusEnum], { nullable: true, description: "Only steps in one of these statuses." })
  status?: StepRunStatus[] | null;

  @Field(() => String, { nullable: true, description: "Only steps with this `ref`." })
  stepRef?: string | null;

  @Field(() => [String], {
    nullable: true,
    description: "Only steps of these types, such as `run`; unknown ones match nothing. At most 250.",
  })
  type?: string[] | null;

  @Field(() => [ID], { nullable: true, description: "Only steps of runs of these workflows. At most 250." })
  workflowIds?: string[] | null;

  @Field(() => [ID], { nullable: true, description: "Only steps of these runs. At most 250." })
  runIds?: string[] | null;

  @Field(() => String, { nullable: true, description: "Only steps that wait in this queue for a runner." })
  queue?: string | null;

  @Field(() => [String], {
    nullable: true,
    description: "Only steps that ask all of these labels of their runner. At most 250.",
  })
  labels?: string[] | null;

  @Field(() => TimeRangeInput, {
    nullable: true,
    description: "Only steps whose newest attempt started in this span.",
  })
  started?: TimeRangeInput | null;
}

export function readStepFilter(input: StepRunFilterInput): StepFilter {
  return {
    status: checkLength("filter.status", input.status ?? null),
    stepRef: input.stepRef ?? null,
    type: checkLength("filter.type", input.type ?? null)?.map((type) => type.toUpperCase()) ?? null,
    workflowIds: readKeys("Workflow", input.workflowIds, "filter.workflowIds"),
    runIds: readKeys("WorkflowRun", input.runIds, "filter.runIds"),
    queue: input.queue ?? null,
    labels: checkLength("filter.labels", input.labels ?? null),
    started: readSpan(input.started),
  };
}
