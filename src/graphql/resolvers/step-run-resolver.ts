import { Ctx, FieldResolver, Int, Resolver, Root } from "type-graphql";
import { resultOf } from "../../domain/statuses.ts";
import type { AttemptRecord, StepRecord } from "../../persistence/queries/steps.ts";
import type { RequestContext } from "../context.ts";
import { Json } from "../scalars.ts";
import { Runner } from "../types/runner.ts";
import { runningAttempt, StageRun, StepAttempt, StepRun } from "../types/step-run.ts";
import { WorkflowRun } from "../types/workflow-run.ts";

@Resolver(() => StageRun)
export class StageRunResolver {
  @FieldResolver(() => String, { description: "The stage's name in the workflow file." })
  async name(@Root() { record }: StageRun, @Ctx() { engine }: RequestContext): Promise<string> {
    const version = await engine.versions.get(engine.database, record.versionId);
    return version.graph.stages[record.index]!.name;
  }

  @FieldResolver(() => Int, {
    description: "0 to 100: the share of its steps that have ended, and of those that run what they told.",
  })
  async progress(@Root() { record }: StageRun, @Ctx() { engine }: RequestContext): Promise<number> {
    const { graph } = await engine.versions.get(engine.database, record.versionId);
    const steps = graph.stages[record.index]!.steps.length;
    const done = 100 * (steps - record.openSteps) + record.openProgress;
    return steps === 0 ? 100 : Math.floor(done / steps);
  }

  @FieldResolver(() => [StepRun], {
    description: "Its steps, in order. A run's steps can also be paged: `WorkflowRun.stepRuns`.",
  })
  async stepRuns(@Root() { record }: StageRun, @Ctx() { loaders }: RequestContext): Promise<StepRun[]> {
    const steps = await loaders.stepsOfRun.load(record.runId);
    return steps.filter(({ stage }) => stage === record.index).map(StepRun.from);
  }

  @FieldResolver(() => WorkflowRun, { description: "The run it is part of." })
  async workflowRun(@Root() { record }: StageRun, @Ctx() { loaders }: RequestContext): Promise<WorkflowRun> {
    return WorkflowRun.from((await loaders.run.load(record.runId))!);
  }
}

@Resolver(() => StepRun)
export class StepRunResolver {
  @FieldResolver(() => [String], { description: "Refs of the steps it waits for." })
  async needs(@Root() { record }: StepRun, @Ctx() { engine }: RequestContext): Promise<string[]> {
    const { graph } = await engine.versions.get(engine.database, record.versionId);
    return record.needs.map((index) => graph.steps[index]!.ref);
  }

  @FieldResolver(() => StageRun, { description: "The stage it is part of." })
  async stageRun(@Root() { record }: StepRun, @Ctx() { loaders }: RequestContext): Promise<StageRun> {
    return StageRun.from((await loaders.stagesOfRun.load(record.runId))[record.stage]!);
  }

  @FieldResolver(() => WorkflowRun, { description: "The run it is part of." })
  async workflowRun(@Root() { record }: StepRun, @Ctx() { loaders }: RequestContext): Promise<WorkflowRun> {
    return WorkflowRun.from((await loaders.run.load(record.runId))!);
  }

  @FieldResolver(() => [StepAttempt], { description: "Its starts, oldest first." })
  async attempts(@Root() { record }: StepRun, @Ctx() context: RequestContext): Promise<StepAttempt[]> {
    return (await attemptsOf(record, context)).map(StepAttempt.from);
  }

  @FieldResolver(() => StepAttempt, {
    nullable: true,
    description: "Its newest start; null before the first.",
  })
  async currentAttempt(
    @Root() { record }: StepRun,
    @Ctx() context: RequestContext,
  ): Promise<StepAttempt | null> {
    const newest = (await attemptsOf(record, context)).at(-1);
    return newest === undefined ? null : StepAttempt.from(newest);
  }

  @FieldResolver(() => Json, {
    nullable: true,
    description:
      "Its output, once it has ended: what its attempt wrote to `$RUNCAST_OUTPUT`, or what it was completed with or took over.",
  })
  async output(@Root() { record }: StepRun, @Ctx() { loaders }: RequestContext): Promise<unknown> {
    if (record.status !== "SUCCEEDED" && record.status !== "FAILED") return null;
    const [result, attempts] = await Promise.all([
      loaders.stepResult.load(record),
      loaders.attemptsOfStep.load(record),
    ]);
    const counting = attempts.find(({ number }) => number === record.attempt);
    return result?.output ?? counting?.output ?? null;
  }

  @FieldResolver(() => String, {
    nullable: true,
    description:
      "Why it failed, or why its newest ended attempt did, in one line; null once it is SUCCEEDED or SKIPPED.",
  })
  async error(@Root() { record }: StepRun, @Ctx() { loaders }: RequestContext): Promise<string | null> {
    if (record.status === "SUCCEEDED" || record.status === "SKIPPED") return null;
    const error = (await loaders.attemptsOfStep.load(record)).at(-1)?.error ?? null;
    return error ?? (resultOf(record.status) === "FAILED" ? (record.statusReason?.message ?? null) : null);
  }

  @FieldResolver(() => Runner, {
    nullable: true,
    description: "The runner that executes it, or executed its newest attempt.",
  })
  async runner(@Root() { record }: StepRun, @Ctx() context: RequestContext): Promise<Runner | null> {
    const runnerId = record.runnerId ?? (await attemptsOf(record, context)).at(-1)?.runnerId ?? null;
    return await readRunner(runnerId, context);
  }
}

@Resolver(() => StepAttempt)
export class StepAttemptResolver {
  @FieldResolver(() => Runner, { nullable: true, description: "The runner that executed it." })
  async runner(@Root() { record }: StepAttempt, @Ctx() context: RequestContext): Promise<Runner | null> {
    return await readRunner(record.runnerId, context);
  }
}

async function attemptsOf(step: StepRecord, { loaders }: RequestContext): Promise<AttemptRecord[]> {
  const running = runningAttempt(step);
  const ended = await loaders.attemptsOfStep.load(step);
  // Between the two reads the running attempt may have got its row.
  return running === null || ended.some(({ number }) => number === running.number)
    ? [...ended]
    : [...ended, running];
}

async function readRunner(id: string | null, { loaders }: RequestContext): Promise<Runner | null> {
  const record = id === null ? null : await loaders.runner.load(id);
  return record === null ? null : Runner.from(record);
}
