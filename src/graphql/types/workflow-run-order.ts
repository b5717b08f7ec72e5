import { Field, InputType } from "type-graphql";
import type { RunDirection, RunOrderField } from "../../persistence/queries/run-list.ts";
import { OrderDirectionEnum, WorkflowRunOrderFieldEnum } from "../enums.ts";

@InputType("WorkflowRunOrder", { description: "How runs are ordered." })
export class WorkflowRunOrderInput {
  @Field(() => WorkflowRunOrderFieldEnum, { defaultValue: "CREATED_AT", description: "By what." })
  field!: RunOrderField;

  @Field(() => OrderDirectionEnum, { defaultValue: "DESC", description: "Which end comes first." })
  direction!: RunDirection;
}
