import { Arg, Args, Ctx, FieldResolver, Query, Resolver, Root } from "type-graphql";
import { encodeId, placeOf, sessionOf } from "../../domain/ids.ts";
import { filesToPlace } from "../../orchestration/artifacts.ts";
import {
  type ArtifactPosition,
  type ArtifactRecord,
  type ArtifactScope,
  countArtifacts,
  type ListedArtifact,
  listArtifacts,
} from "../../persistence/queries/artifacts.ts";
import { isPosition } from "../connection.ts";
import type { RequestContext } from "../context.ts";
import { downloadLink } from "../download-link.ts";
import { badInput, objectNotFound } from "../errors.ts";
import { TaskArtifactsInput } from "../inputs/task-artifacts.ts";
import { ForwardArgs } from "../page-args.ts";
import { pageOf } from "../page-of.ts";
import { Int } from "../scalars.ts";
import { Artifact, ArtifactConnection, TaskArtifactsPayload } from "../types/artifact.ts";
import { StepRun } from "../types/step-run.ts";
import { WorkflowRun } from "../types/workflow-run.ts";

@Resolver(() => Artifact)
export class ArtifactResolver {
  @FieldResolver(() => StepRun, { description: "The step that kept it." })
  async stepRun(@Root() { record }: Artifact, @Ctx() { loaders }: RequestContext): Promise<StepRun> {
    return StepRun.from((await loaders.step.load({ runId: record.runId, index: record.step }))!);
  }

  @FieldResolver(() => String, {
    description: "Where to download it without a token, for five minutes; ranges can be asked for.",
  })
  downloadUrl(@Root() { record }: Artifact, @Ctx() context: RequestContext): string {
    return downloadLink(context, artifactPath(record));
  }
}

@Resolver(() => StepRun)
export class StepArtifactsResolver {
  @FieldResolver(() => ArtifactConnection, {
    description:
      "Files that it has kept, ordered by path; of a step that was taken over, those of its original.",
  })
  async artifacts(
    @Root() { record }: StepRun,
    @Args(() => ForwardArgs) args: ForwardArgs,
    @Ctx() context: RequestContext,
    @Arg("attempt", () => Int, {
      nullable: true,
      description: "Those of this attempt; null = of the newest.",
    })
    attempt?: number | null,
  ) {
    return await artifactPage(
      { runId: record.runId, step: record.index, attempt: attempt ?? null },
      args,
      context,
    );
  }

  @FieldResolver(() => String, {
    nullable: true,
    description:
      "Where to download all of them as one .tar.gz without a token, for five minutes; null when there are none.",
  })
  async artifactsArchiveUrl(
    @Root() { id, record }: StepRun,
    @Ctx() context: RequestContext,
  ): Promise<string | null> {
    if ((await context.loaders.placeWithArtifacts.load(record)) === null) return null;
    return downloadLink(context, `/steps/${id}/artifacts.tar.gz`);
  }
}

@Resolver(() => WorkflowRun)
export class WorkflowRunArtifactsResolver {
  @FieldResolver(() => ArtifactConnection, {
    description:
      "Files that the newest attempts of its steps have kept, in the order of the steps, then of the paths.",
  })
  async artifacts(
    @Root() { record }: WorkflowRun,
    @Args(() => ForwardArgs) args: ForwardArgs,
    @Ctx() context: RequestContext,
  ) {
    return await artifactPage({ runId: record.id, step: null, attempt: null }, args, context);
  }
}

@Resolver()
export class TaskArtifactsResolver {
  @Query(() => TaskArtifactsPayload, {
    nullable: true,
    description:
      "What has to lie in the workspace of a task before it starts. Error SESSION_LOST when the session is over, NOT_FOUND when the task is not the session's any more.",
  })
  async taskArtifacts(
    @Arg("input", () => TaskArtifactsInput, { description: "The task." }) input: TaskArtifactsInput,
    @Ctx() { engine, runners, viewer, links }: RequestContext,
  ): Promise<TaskArtifactsPayload> {
    const session = sessionOf(input.session);
    if (session === null) throw badInput("`session` is no session");
    await runners.check(viewer, session);
    const place = placeOf("StepRun", input.stepRunId);
    if (place === null) throw badInput("`stepRunId` is no step");
    const held = { runId: place.runId, step: place.index, fence: input.fence };
    const files = await filesToPlace(engine, session, held, input.after ?? "");
    if (files === null) throw objectNotFound();
    const now = engine.clock.now();
    const artifacts = files.artifacts.map((artifact) => ({
      ...artifact,
      id: encodeId("Artifact", artifact.id),
      url: links.sign(artifactPath(artifact), now),
    }));
    return Object.assign(new TaskArtifactsPayload(), { ...files, artifacts });
  }
}

function artifactPath({ id }: ArtifactRecord): string {
  return `/artifacts/${encodeId("Artifact", id)}`;
}

async function artifactPage(scope: ArtifactScope, args: ForwardArgs, { engine }: RequestContext) {
  const { database } = engine;
  return await pageOf(ArtifactConnection, args, {
    name: JSON.stringify(["artifacts", scope]),
    keyOf: ({ atStep, path }: ListedArtifact) => [atStep, path],
    positionOf: artifactPosition,
    read: async ({ from, limit }) => await listArtifacts(database, scope, from, limit),
    toItem: Artifact.from,
    count: async (cap) => await countArtifacts(database, scope, cap),
  });
}

function artifactPosition([atStep, path]: readonly unknown[]): ArtifactPosition | null {
  return isPosition(atStep) && typeof path === "string" ? { atStep, path } : null;
}
