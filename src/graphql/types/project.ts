import { Field, ObjectType } from "type-graphql";
import { encodeId } from "../../domain/ids.ts";
import type { ProjectRecord } from "../../persistence/queries/people.ts";
import { connectionOf } from "../connection.ts";
import { DateTime, Int } from "../scalars.ts";
import { Node } from "./node.ts";

@ObjectType("Project", {
  implements: Node,
  description: "Owns workflows and runs, and bounds who may see them.",
})
export class Project extends Node {
  @Field(() => String, { description: "Unique short name, usable wherever a project's id is." })
  slug!: string;

  @Field(() => String, { description: "Name to show." })
  name!: string;

  @Field(() => DateTime, { description: "When it was created." })
  createdAt!: Date;

  @Field(() => DateTime, {
    nullable: true,
    description:
      "Since when it is archived: nothing is triggered or deployed in it any more; null = it is not.",
  })
  archivedAt!: Date | null;

  @Field(() => Int, { description: "Grows with every change of the project itself, for `expectedRevision`." })
  revision!: number;

  key!: string;

  static from(record: ProjectRecord): Project {
    return Object.assign(new Project(), record, { key: record.id, id: encodeId("Project", record.id) });
  }
}

export const ProjectConnection = connectionOf("Project", () => Project);
