import { Field, ObjectType } from "type-graphql";
import type { StepRunStatus } from "../../domain/statuses.ts";
import { StepRunStatusEnum } from "../enums.ts";
import { ID, Int } from "../scalars.ts";

@ObjectType("RunGraphNode", { description: "A step of a run, as a graph shows it." })
export class RunGraphNode {
  @Field(() => ID, { description: "Id of the step." })
  id!: string;

  @Field(() => String, { description: "The step's `ref` in the workflow file." })
  stepRef!: string;

  @Field(() => String, { nullable: true, description: "Name to show; null when the file gives none." })
  name!: string | null;

  @Field(() => String, { description: "The step's type." })
  type!: string;

  @Field(() => String, { description: "Name of its stage." })
  stage!: string;

  @Field(() => Int, { description: "Position of its stage in the run, from 0." })
  stageOrder!: number;

  @Field(() => StepRunStatusEnum, { description: "Where it stands." })
  status!: StepRunStatus;
}

@ObjectType("RunGraphEdge", { description: "One step needs another." })
export class RunGraphEdge {
  @Field(() => ID, { description: "Id of the step that is needed." })
  from!: string;

  @Field(() => ID, { description: "Id of the step that needs it." })
  to!: string;
}

@ObjectType("RunGraph", {
  description:
    "The steps of a run with their needs. A step without needs waits for the stages before its own.",
})
export class RunGraph {
  @Field(() => [RunGraphNode], { description: "Its steps, in order." })
  nodes!: readonly RunGraphNode[];

  @Field(() => [RunGraphEdge], { description: "What its steps need." })
  edges!: readonly RunGraphEdge[];
}
