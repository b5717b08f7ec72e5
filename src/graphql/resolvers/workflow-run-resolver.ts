import { Arg, Args, Ctx, FieldResolver, ID, Int, Query, Resolver, Root } from "type-graphql";
import { keyOf } from "../../domain/ids.ts";
import { isTerminal } from "../../domain/statuses.ts";
import { runOutputs } from "../../orchestration/outputs.ts";
import { eventsAfter } from "../../persistence/queries/events.ts";
import { type StepRecord, stepPage } from "../../persistence/queries/steps.ts";
import { runCursors, seqOfCursor } from "../../realtime/run-cursors.ts";
import { readPage } from "../connection.ts";
import type { RequestContext } from "../context.ts";
import { ForwardArgs } from "../page-args.ts";
import { pageOf, positionIn } from "../page-of.ts";
import { Json } from "../scalars.ts";
import { found, readable } from "../scope.ts";
import { Actor } from "../types/actor.ts";
import { Project } from "../types/project.ts";
import { RunEvent, toRunEvent } from "../types/run-event.ts";
import { StageRun, StepRun, StepRunConnection } from "../types/step-run.ts";
import { Workflow } from "../types/workflow.ts";
import { EnvVar, WorkflowRun } from "../types/workflow-run.ts";

const MAX_STEP_PAGE = 1_000;
const DEFAULT_EVENT_PAGE = 100;
const MAX_EVENT_PAGE = 1_000;

@Resolver(() => WorkflowRun)
export class WorkflowRunResolver {
  @Query(() => WorkflowRun, {
    nullable: true,
    description: "A run. Error NOT_FOUND when it does not exist for the viewer.",
  })
  async workflowRun(
    @Arg("id", () => ID, { description: "Its id." }) id: string,
    @Ctx() { loaders, viewer }: RequestContext,
  ): Promise<WorkflowRun> {
    const key = keyOf("WorkflowRun", id);
    return WorkflowRun.from(found(readable(viewer, key === null ? null : await loaders.run.load(key))));
  }

  @FieldResolver(() => Project, { description: "The project it belongs to." })
  async project(@Root() { record }: WorkflowRun, @Ctx() { loaders }: RequestContext): Promise<Project> {
    return Project.from((await loaders.project.load(record.projectId))!);
  }

  @FieldResolver(() => Workflow, { description: "The workflow it is a run of." })
  async workflow(@Root() { record }: WorkflowRun, @Ctx() { loaders }: RequestContext): Promise<Workflow> {
    return Workflow.from((await loaders.workflow.load(record.workflowId))!);
  }

  @FieldResolver(() => Actor, { description: "Who made it." })
  async createdBy(@Root() { record }: WorkflowRun, @Ctx() { loaders }: RequestContext): Promise<Actor> {
    return Actor.from(await loaders.account.load(record.createdBy));
  }

  @FieldResolver(() => Json, {
    description: "What it was started with, by input name; defaults are filled in.",
  })
  async inputs(@Root() { record }: WorkflowRun, @Ctx() { loaders }: RequestContext): Promise<unknown> {
    return (await loaders.runInput.load(record.id))?.inputs ?? {};
  }

  @FieldResolver(() => Json, {
    nullable: true,
    description: "The free JSON that it was started with; null without.",
  })
  async payload(@Root() { record }: WorkflowRun, @Ctx() { loaders }: RequestContext): Promise<unknown> {
    return (await loaders.runInput.load(record.id))?.payload ?? null;
  }

  @FieldResolver(() => [EnvVar], {
    description: "Environment variables that it was started with, in their order.",
  })
  async envVars(
    @Root() { record }: WorkflowRun,
    @Ctx() { loaders }: RequestContext,
  ): Promise<readonly EnvVar[]> {
    return (await loaders.runInput.load(record.id))?.envVars ?? [];
  }

  @FieldResolver(() => Json, {
    nullable: true,
    description: "The outputs that its workflow declares; null until it has ended.",
  })
  async outputs(
    @Root() { record }: WorkflowRun,
    @Ctx() { engine, loaders }: RequestContext,
  ): Promise<unknown> {
    if (!isTerminal(record.status)) return null;
    const inputs = (await loaders.runInput.load(record.id))?.inputs ?? {};
    return await runOutputs(engine, { runId: record.id, versionId: record.workflowVersionId, inputs });
  }

  @FieldResolver(() => [StageRun], { description: "Its stages, in order." })
  async stageRuns(@Root() { record }: WorkflowRun, @Ctx() { loaders }: RequestContext): Promise<StageRun[]> {
    return (await loaders.stagesOfRun.load(record.id)).map(StageRun.from);
  }

  @FieldResolver(() => StepRunConnection, {
    description: `Its steps, in order. Pages of at most ${MAX_STEP_PAGE}.`,
  })
  async stepRuns(
    @Root() { record }: WorkflowRun,
    @Args(() => ForwardArgs) args: ForwardArgs,
    @Ctx() { engine }: RequestContext,
  ) {
    const { database, versions } = engine;
    return await pageOf(StepRunConnection, args, {
      name: `steps ${record.id}`,
      keyOf: ({ index }: StepRecord) => [index],
      positionOf: positionIn,
      read: async ({ from, limit }) => {
        const first = from === null ? 0 : from + 1;
        return await stepPage(database, record.id, first, first + limit);
      },
      toItem: StepRun.from,
      count: async () => (await versions.get(database, record.workflowVersionId)).steps.length,
      maxPage: MAX_STEP_PAGE,
    });
  }

  @FieldResolver(() => [RunEvent], {
    description: `What happened to it, oldest first; the polling twin of \`runEvents\`. At most ${MAX_EVENT_PAGE} at once.`,
  })
  async events(
    @Root() { record }: WorkflowRun,
    @Ctx() { engine }: RequestContext,
    @Arg("after", () => String, {
      nullable: true,
      description: "Cursor of the last event that the client has.",
    })
    after?: string | null,
    @Arg("first", () => Int, {
      defaultValue: DEFAULT_EVENT_PAGE,
      description: `How many, 0 to ${MAX_EVENT_PAGE}.`,
    })
    first?: number,
  ): Promise<RunEvent[]> {
    const { limit } = readPage({ first: first ?? DEFAULT_EVENT_PAGE }, MAX_EVENT_PAGE);
    const seq = after == null ? 0 : await seqOfCursor(engine.database, record, after);
    const cursorAt = await runCursors(engine.database, record.id);
    const events = await eventsAfter(engine.database, record.id, seq, limit);
    return events.map((event) => toRunEvent(event, cursorAt(event.seq)));
  }

  @FieldResolver(() => String, {
    description:
      "Position of its newest event in this answer: `runEvents(after: {cursor: ...})` goes on from here.",
  })
  async eventCursor(@Root() { record }: WorkflowRun, @Ctx() { engine }: RequestContext): Promise<string> {
    return (await runCursors(engine.database, record.id))(record.lastSeq);
  }
}
