import { Ctx, FieldResolver, Resolver, Root } from "type-graphql";
import { MAX_LINKED_RUNS } from "../../persistence/queries/run-links.ts";
import type { RunRecord } from "../../persistence/queries/runs.ts";
import type { RequestContext } from "../context.ts";
import { readable } from "../scope.ts";
import { StepRun } from "../types/step-run.ts";
import { WorkflowRun } from "../types/workflow-run.ts";

/** Runs that a run came from, and those that came from it. What the viewer may not read is not there. */
@Resolver(() => WorkflowRun)
export class RunLinksResolver {
  @FieldResolver(() => WorkflowRun, {
    nullable: true,
    description: "The run that it is a retry of; null when it is none.",
  })
  async retryOf(
    @Root() { record }: WorkflowRun,
    @Ctx() context: RequestContext,
  ): Promise<WorkflowRun | null> {
    return await linkedRun(record.retryOfId, context);
  }

  @FieldResolver(() => WorkflowRun, {
    nullable: true,
    description: "The run that its chain of retries began with; null when it is no retry.",
  })
  async rootRun(
    @Root() { record }: WorkflowRun,
    @Ctx() context: RequestContext,
  ): Promise<WorkflowRun | null> {
    return await linkedRun(record.rootRunId, context);
  }

  @FieldResolver(() => WorkflowRun, {
    nullable: true,
    description: "The run that it continues from, with its artifacts.",
  })
  async sourceRun(
    @Root() { record }: WorkflowRun,
    @Ctx() context: RequestContext,
  ): Promise<WorkflowRun | null> {
    return await linkedRun(record.sourceRunId, context);
  }

  @FieldResolver(() => WorkflowRun, { nullable: true, description: "The run whose step made it." })
  async parentRun(
    @Root() { record }: WorkflowRun,
    @Ctx() context: RequestContext,
  ): Promise<WorkflowRun | null> {
    return await linkedRun(record.parentRunId, context);
  }

  @FieldResolver(() => StepRun, { nullable: true, description: "The step that made it." })
  async parentStepRun(
    @Root() { record: { parentRunId, parentStep } }: WorkflowRun,
    @Ctx() context: RequestContext,
  ): Promise<StepRun | null> {
    if (parentRunId === null || parentStep === null) return null;
    if ((await linkedRun(parentRunId, context)) === null) return null;
    const step = await context.loaders.step.load({ runId: parentRunId, index: parentStep });
    return step === null ? null : StepRun.from(step);
  }

  @FieldResolver(() => [WorkflowRun], {
    description: `Its direct retries, oldest first; at most ${MAX_LINKED_RUNS}. For more, filter by \`retryOfId\`.`,
  })
  async retries(@Root() { record }: WorkflowRun, @Ctx() context: RequestContext): Promise<WorkflowRun[]> {
    return readableRuns(await context.loaders.retriesOfRun.load(record.id), context);
  }

  @FieldResolver(() => [WorkflowRun], {
    description: `The runs that its steps have made, oldest first; at most ${MAX_LINKED_RUNS}. For more, filter by \`parentRunId\`.`,
  })
  async children(@Root() { record }: WorkflowRun, @Ctx() context: RequestContext): Promise<WorkflowRun[]> {
    return readableRuns(await context.loaders.childrenOfRun.load(record.id), context);
  }

  @FieldResolver(() => WorkflowRun, {
    nullable: true,
    description: "The run of the same workflow before it, if it still exists.",
  })
  async previousRun(
    @Root() { record }: WorkflowRun,
    @Ctx() context: RequestContext,
  ): Promise<WorkflowRun | null> {
    return readableRuns(await context.loaders.previousRun.load(record.id), context)[0] ?? null;
  }
}

export async function linkedRun(id: string | null, context: RequestContext): Promise<WorkflowRun | null> {
  const record = id === null ? null : readable(context.viewer, await context.loaders.run.load(id));
  return record === null ? null : WorkflowRun.from(record);
}

function readableRuns(runs: readonly RunRecord[], { viewer }: RequestContext): WorkflowRun[] {
  return runs.filter((run) => readable(viewer, run) !== null).map(WorkflowRun.from);
}
