import { Field, ObjectType } from "type-graphql";
import { type StepChange, StepChangeEnum } from "../enums.ts";
import { Float, Json } from "../scalars.ts";
import { StepRun } from "./step-run.ts";
import { WorkflowRun } from "./workflow-run.ts";

@ObjectType("StepComparison", { description: "One step in two runs, found by its `stepRef`." })
export class StepComparison {
  @Field(() => String, { description: "The step's `ref` in the workflow files." })
  stepRef!: string;

  @Field(() => StepRun, { nullable: true, description: "The step in the base; null when it has none." })
  base!: StepRun | null;

  @Field(() => StepRun, { nullable: true, description: "The step in the head; null when it has none." })
  head!: StepRun | null;

  @Field(() => Float, {
    nullable: true,
    description: "Milliseconds that it took longer in the head; null unless it ended in both.",
  })
  durationDeltaMs!: number | null;

  @Field(() => StepChangeEnum, { description: "What became of it." })
  change!: StepChange;
}

@ObjectType("ValueDifference", { description: "Something that two runs were started with differently." })
export class ValueDifference {
  @Field(() => String, { description: "Name of the input or the environment variable." })
  key!: string;

  @Field(() => Json, { nullable: true, description: "Its value in the base; null when it has none." })
  base!: unknown;

  @Field(() => Json, { nullable: true, description: "Its value in the head; null when it has none." })
  head!: unknown;
}

@ObjectType("WorkflowRunComparison", { description: "What two runs have and have not in common." })
export class WorkflowRunComparison {
  @Field(() => WorkflowRun, { description: "The run that is compared with." })
  base!: WorkflowRun;

  @Field(() => WorkflowRun, { description: "The run that is compared." })
  head!: WorkflowRun;

  @Field(() => Float, {
    nullable: true,
    description: "Milliseconds that the head took longer; null unless both have ended.",
  })
  durationDeltaMs!: number | null;

  @Field(() => [StepComparison], {
    description: "Their steps: those of the head in its order, then those that only the base has.",
  })
  steps!: readonly StepComparison[];

  @Field(() => [ValueDifference], { description: "Inputs that differ, by name." })
  inputs!: readonly ValueDifference[];

  @Field(() => [ValueDifference], {
    description: "Environment variables that differ, by name; of several with one name the last counts.",
  })
  envVars!: readonly ValueDifference[];
}
