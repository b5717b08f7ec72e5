import { Field, ObjectType } from "type-graphql";
import type { InputDefinition, InputType } from "../../domain/definition.ts";
import { encodeId } from "../../domain/ids.ts";
import type { WorkflowRecord, WorkflowVersionRecord } from "../../persistence/queries/workflows.ts";
import { connectionOf } from "../connection.ts";
import { InputTypeEnum } from "../enums.ts";
import { DateTime, Int, Json } from "../scalars.ts";
import { Node } from "./node.ts";

@ObjectType("Workflow", {
  implements: Node,
  description: "What a team runs: stages of steps, in versions. Unique by its name in its project.",
})
export class Workflow extends Node {
  @Field(() => String, { description: "The name that its file gives it; unique in its project." })
  name!: string;

  @Field(() => DateTime, { description: "When it was first deployed." })
  createdAt!: Date;

  @Field(() => DateTime, { description: "When it was last deployed, renamed or archived." })
  updatedAt!: Date;

  @Field(() => DateTime, {
    nullable: true,
    description: "Since when it is archived and makes no more runs; null = it is not.",
  })
  archivedAt!: Date | null;

  @Field(() => Int, { description: "Grows with every change of it, for `expectedRevision`." })
  revision!: number;

  record!: WorkflowRecord;

  static from(record: WorkflowRecord): Workflow {
    const { name, createdAt, updatedAt, archivedAt, revision } = record;
    return Object.assign(new Workflow(), {
      id: encodeId("Workflow", record.id),
      name,
      createdAt,
      updatedAt,
      archivedAt,
      revision,
      record,
    });
  }
}

export const WorkflowConnection = connectionOf("Workflow", () => Workflow);

@ObjectType("WorkflowVersion", {
  implements: Node,
  description:
    "A workflow as it was deployed once. Versions never change; a run keeps the one it was made from.",
})
export class WorkflowVersion extends Node {
  @Field(() => Int, { description: "Counts the workflow's deployments, from 1." })
  version!: number;

  @Field(() => String, { description: "The workflow file as it was deployed." })
  source!: string;

  @Field(() => DateTime, { description: "When it was deployed." })
  createdAt!: Date;

  record!: WorkflowVersionRecord;

  static from(record: WorkflowVersionRecord): WorkflowVersion {
    const { version, source, createdAt } = record;
    const id = encodeId("WorkflowVersion", record.id);
    return Object.assign(new WorkflowVersion(), { id, version, source, createdAt, record });
  }
}

export const WorkflowVersionConnection = connectionOf("WorkflowVersion", () => WorkflowVersion);

@ObjectType("WorkflowInput", { description: "Something that a run of a workflow can be started with." })
export class WorkflowInput {
  @Field(() => String, { description: "Its name; unique in the workflow." })
  name!: string;

  @Field(() => InputTypeEnum, { description: "What its value must be." })
  type!: InputType;

  @Field(() => String, { nullable: true, description: "What it is for." })
  description!: string | null;

  @Field(() => Boolean, { description: "A run cannot be started without it." })
  required!: boolean;

  @Field(() => Json, { nullable: true, description: "Its value when none is given; null = none." })
  default!: string | number | boolean | null;

  @Field(() => [String], { nullable: true, description: "The values of a choice; null for other types." })
  options!: readonly string[] | null;

  static from(definition: InputDefinition): WorkflowInput {
    return Object.assign(new WorkflowInput(), definition);
  }
}
