import { Ctx, Field, FieldResolver, ObjectType, Resolver, Root } from "type-graphql";
import type { EventPayloads } from "../../domain/events.ts";
import { encodeId } from "../../domain/ids.ts";
import type { RequestContext } from "../context.ts";
import { Float, ID, Int } from "../scalars.ts";
import { Artifact } from "./artifact.ts";
import { RunEvent, stepOfEvent } from "./run-event-base.ts";
import { StepRun } from "./step-run.ts";

@ObjectType("ArtifactAdded", { implements: RunEvent, description: "A step has kept a file." })
export class ArtifactAdded extends RunEvent {
  @Field(() => Int, { description: "The step's attempt that kept it." })
  attempt!: number;

  @Field(() => String, { description: "Its path, relative to the workspace." })
  path!: string;

  @Field(() => Float, { description: "How many bytes it has." })
  sizeBytes!: number;

  @Field(() => Artifact, { nullable: true, description: "The artifact; null once it has expired." })
  artifact?: Artifact | null;

  @Field(() => StepRun, { nullable: true, description: "The step as it is now." })
  stepRun?: StepRun | null;
}

@ObjectType("LogFileAdded", { implements: RunEvent, description: "Somebody added a file to the run's logs." })
export class LogFileAdded extends RunEvent {
  @Field(() => ID, { description: "The file's id, one of `WorkflowRun.logFiles`." })
  logFileId!: string;

  @Field(() => String, { description: "The file's name." })
  name!: string;

  @Field(() => StepRun, { nullable: true, description: "The step it is about, as it is now." })
  stepRun?: StepRun | null;
}

export const FILE_EVENT_OBJECTS = [ArtifactAdded, LogFileAdded] as const;

/** What of the payloads the fields show. */
export const FILE_EVENT_MAKERS = {
  ArtifactAdded: ({ attempt, path, sizeBytes }: EventPayloads["ArtifactAdded"]) =>
    Object.assign(new ArtifactAdded(), { attempt, path, sizeBytes }),
  LogFileAdded: ({ fileId, name }: EventPayloads["LogFileAdded"]) =>
    Object.assign(new LogFileAdded(), { logFileId: encodeId("LogFile", fileId), name }),
};

@Resolver(() => ArtifactAdded)
export class ArtifactAddedResolver {
  @FieldResolver(() => Artifact, { nullable: true })
  async artifact(
    @Root() { record }: ArtifactAdded,
    @Ctx() { loaders }: RequestContext,
  ): Promise<Artifact | null> {
    if (record.type !== "ArtifactAdded") return null;
    const artifact = await loaders.artifact.load(record.payload.artifactId);
    return artifact === null ? null : Artifact.from(artifact);
  }

  @FieldResolver(() => StepRun, { nullable: true })
  async stepRun(
    @Root() { record }: ArtifactAdded,
    @Ctx() { loaders }: RequestContext,
  ): Promise<StepRun | null> {
    return await stepOfEvent(record, loaders);
  }
}

@Resolver(() => LogFileAdded)
export class LogFileAddedResolver {
  @FieldResolver(() => StepRun, { nullable: true })
  async stepRun(
    @Root() { record }: LogFileAdded,
    @Ctx() { loaders }: RequestContext,
  ): Promise<StepRun | null> {
    return await stepOfEvent(record, loaders);
  }
}
