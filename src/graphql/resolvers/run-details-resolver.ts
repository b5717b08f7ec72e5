import { Ctx, FieldResolver, Float, Resolver, Root } from "type-graphql";
import { encodeId, keyOf } from "../../domain/ids.ts";
import type { RequestContext } from "../context.ts";
import { pageOfRun } from "../page-address.ts";
import { Json } from "../scalars.ts";
import { Approval } from "../types/approval.ts";
import { RunGraph } from "../types/run-graph.ts";
import { StepRun } from "../types/step-run.ts";
import { WaitingOn } from "../types/waiting.ts";
import { Commit, WorkflowRun } from "../types/workflow-run.ts";
import { runWaitsOn } from "../waiting.ts";

/** What is known of a run beside its row. */
@Resolver(() => WorkflowRun)
export class RunDetailsResolver {
  @FieldResolver(() => String, {
    nullable: true,
    description: "Address of its page; null when the server does not know its public address.",
  })
  url(@Root() { id }: WorkflowRun, @Ctx() { publicUrl }: RequestContext): string | null {
    return pageOfRun(publicUrl, id);
  }

  @FieldResolver(() => Json, { description: "Notes of its users and their tools: an object of text values." })
  async annotations(@Root() { record }: WorkflowRun, @Ctx() { loaders }: RequestContext): Promise<unknown> {
    return (await loaders.runInput.load(record.id))?.annotations ?? {};
  }

  @FieldResolver(() => Boolean, {
    description: "Its steps were asked to tell more than usual in their logs.",
  })
  async debug(@Root() { record }: WorkflowRun, @Ctx() { loaders }: RequestContext): Promise<boolean> {
    return (await loaders.runInput.load(record.id))?.debug ?? false;
  }

  @FieldResolver(() => [Commit], {
    description: "The commits since the branch's previous run; empty until the source was checked out.",
  })
  async commits(@Root() { record }: WorkflowRun, @Ctx() { loaders }: RequestContext): Promise<Commit[]> {
    return ((await loaders.runInput.load(record.id))?.commits ?? []).map(Commit.from);
  }

  @FieldResolver(() => String, {
    description: "What made it, in a word: the name of the schedule or the webhook, or else the username.",
  })
  async triggeredBy(@Root() { record }: WorkflowRun, @Ctx() context: RequestContext): Promise<string> {
    const name = await triggerName(record.triggerRef, context);
    return name ?? (await context.loaders.account.load(record.createdBy))?.username ?? "system";
  }

  @FieldResolver(() => Boolean, {
    description: "It is paused, and steps that had started are still executing.",
  })
  async draining(@Root() { record }: WorkflowRun, @Ctx() { loaders }: RequestContext): Promise<boolean> {
    if (record.status !== "PAUSED") return false;
    return ((await loaders.runActivity.load(record.id))?.held ?? 0) > 0;
  }

  @FieldResolver(() => WaitingOn, {
    nullable: true,
    description: "What it waits for as a whole; null while a step executes, and once it has ended.",
  })
  async waitingOn(
    @Root() { record }: WorkflowRun,
    @Ctx() context: RequestContext,
  ): Promise<WaitingOn | null> {
    return await runWaitsOn(record, context);
  }

  @FieldResolver(() => Float, {
    nullable: true,
    description:
      "How many milliseconds a run of its workflow usually takes: the median of the last 20 successes; null without any.",
  })
  async estimatedDurationMs(
    @Root() { record }: WorkflowRun,
    @Ctx() { loaders }: RequestContext,
  ): Promise<number | null> {
    return (await loaders.estimate.load(record.workflowId))?.durationMs ?? null;
  }

  @FieldResolver(() => RunGraph, { description: "Its steps and what they need, to be drawn." })
  async graph(
    @Root() { record }: WorkflowRun,
    @Ctx() { engine, loaders }: RequestContext,
  ): Promise<RunGraph> {
    const { graph } = await engine.versions.get(engine.database, record.workflowVersionId);
    const idOf = (index: number) => encodeId("StepRun", record.id, index);
    const steps = await loaders.stepsOfRun.load(record.id);
    const nodes = steps.map((step) => {
      const { id, stepRef, name, type, status } = StepRun.from(step);
      return {
        id,
        stepRef,
        name,
        type,
        status,
        stage: graph.stages[step.stage]!.name,
        stageOrder: step.stage,
      };
    });
    const edges = steps.flatMap(({ index, needs }) =>
      needs.map((need) => ({ from: idOf(need), to: idOf(index) })),
    );
    return Object.assign(new RunGraph(), { nodes, edges });
  }

  @FieldResolver(() => [Approval], {
    description: "Every approval that its steps have asked for, oldest first.",
  })
  async approvals(@Root() { record }: WorkflowRun, @Ctx() { loaders }: RequestContext): Promise<Approval[]> {
    return (await loaders.approvalsOfRun.load(record.id)).map(Approval.from);
  }
}

/** A schedule or a webhook that is gone has no name any more: its id must do. */
async function triggerName(ref: string | null, { loaders }: RequestContext): Promise<string | null> {
  if (ref === null) return null;
  const schedule = keyOf("Schedule", ref);
  if (schedule !== null) return (await loaders.schedule.load(schedule))?.name ?? ref;
  const webhook = keyOf("Webhook", ref);
  return webhook === null ? null : ((await loaders.webhook.load(webhook))?.name ?? ref);
}
