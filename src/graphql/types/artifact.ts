import { Field, ObjectType } from "type-graphql";
import { encodeId } from "../../domain/ids.ts";
import type { ArtifactRecord } from "../../persistence/queries/artifacts.ts";
import { connectionOf } from "../connection.ts";
import { DateTime, Float, ID, Int } from "../scalars.ts";
import { Node } from "./node.ts";

@ObjectType("Artifact", {
  implements: Node,
  description:
    "A file that an attempt of a step has kept. It never changes; it expires, and goes with its run.",
})
export class Artifact extends Node {
  @Field(() => String, { description: "Its path, relative to the workspace; parts are separated by `/`." })
  path!: string;

  @Field(() => Float, { description: "How many bytes it has." })
  sizeBytes!: number;

  @Field(() => String, { description: "SHA-256 of its bytes: 64 lower-case hex digits." })
  sha256!: string;

  @Field(() => Int, { description: "The step's attempt that kept it." })
  attempt!: number;

  @Field(() => DateTime, { description: "When it was kept." })
  createdAt!: Date;

  record!: ArtifactRecord;

  static from(record: ArtifactRecord): Artifact {
    return Object.assign(new Artifact(), { ...record, id: encodeId("Artifact", record.id), record });
  }
}

export const ArtifactConnection = connectionOf("Artifact", () => Artifact);

@ObjectType("TaskArtifact", { description: "A file that has to lie in the workspace before a task starts." })
export class TaskArtifact {
  @Field(() => ID, { description: "The artifact: a host places each once." })
  id!: string;

  @Field(() => String, { description: "Its path, relative to the workspace." })
  path!: string;

  @Field(() => Float, { description: "How many bytes it has." })
  sizeBytes!: number;

  @Field(() => String, { description: "SHA-256 of its bytes: 64 lower-case hex digits." })
  sha256!: string;

  @Field(() => Boolean, { description: "It may be executed." })
  executable!: boolean;

  @Field(() => String, { description: "Where it is, for some minutes: a path on this server." })
  url!: string;
}

@ObjectType("TaskArtifactsPayload", { description: "Files to place before a task starts, ordered by path." })
export class TaskArtifactsPayload {
  @Field(() => [TaskArtifact], {
    description:
      "At most 100, one for each path: of the run's own steps rather than its source run's, the newest.",
  })
  artifacts!: TaskArtifact[];

  @Field(() => String, {
    nullable: true,
    description: "To be sent as `after` for those that follow; null = these were the last.",
  })
  next!: string | null;

  @Field(() => Boolean, {
    description: "The run continues from one that is deleted: its files are not among these.",
  })
  sourceRunIsGone!: boolean;
}
