import { Field, ObjectType } from "type-graphql";
import { encodeId } from "../../domain/ids.ts";
import type { WorkflowRecord, WorkflowVersionRecord } from "../../persistence/queries/workflows.ts";
import { connectionOf } from "../connection.ts";
import { DateTime, Int } from "../scalars.ts";
import { Node } from "./node.ts";

@ObjectType("Workflow", {
  implements: Node,
  description: "What a team runs: stages of steps, in versions. Unique by its name in its project.",
})
export class Workflow extends Node {
  @Field(() => String, { description: "The name that its file gives it." })
  name!: string;

  @Field(() => DateTime, { description: "When it was first deployed." })
  createdAt!: Date;

  @Field(() => DateTime, { description: "When it was last deployed." })
  updatedAt!: Date;

  record!: WorkflowRecord;

  static from(record: WorkflowRecord): Workflow {
    const { name, createdAt, updatedAt } = record;
    return Object.assign(new Workflow(), {
      id: encodeId("Workflow", record.id),
      name,
      createdAt,
      updatedAt,
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
