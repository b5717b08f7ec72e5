import { Ctx, FieldResolver, Resolver, Root } from "type-graphql";
import { encodeId } from "../../domain/ids.ts";
import type { RequestContext } from "../context.ts";
import { pageOfRun } from "../page-address.ts";
import { readable } from "../scope.ts";
import { Approval } from "../types/approval.ts";
import { StepRun } from "../types/step-run.ts";
import { WaitingOn } from "../types/waiting.ts";
import { WorkflowRun } from "../types/workflow-run.ts";
import { stepWaitsOn } from "../waiting.ts";
import { linkedRun } from "./run-links-resolver.ts";

/** What is known of a step beside its row and its attempts. */
@Resolver(() => StepRun)
export class StepDetailsResolver {
  @FieldResolver(() => WaitingOn, {
    nullable: true,
    description: "What it waits for; null when it executes, is about to, or has ended.",
  })
  async waitingOn(@Root() { record }: StepRun, @Ctx() context: RequestContext): Promise<WaitingOn | null> {
    return await stepWaitsOn(record, context);
  }

  @FieldResolver(() => String, {
    nullable: true,
    description: "Address of its page; null when the server does not know its public address.",
  })
  url(@Root() { record, stepRef }: StepRun, @Ctx() { publicUrl }: RequestContext): string | null {
    const runUrl = pageOfRun(publicUrl, encodeId("WorkflowRun", record.runId));
    return runUrl === null ? null : `${runUrl}/steps/${encodeURIComponent(stepRef)}`;
  }

  @FieldResolver(() => String, {
    nullable: true,
    description: "Id of the release that the external system named that completed it.",
  })
  async releaseId(@Root() { record }: StepRun, @Ctx() { loaders }: RequestContext): Promise<string | null> {
    return (await loaders.stepResult.load(record))?.completion?.releaseId ?? null;
  }

  @FieldResolver(() => Approval, {
    nullable: true,
    description: "The approval that it asked for last; null when it has not asked.",
  })
  async approval(@Root() { record }: StepRun, @Ctx() { loaders }: RequestContext): Promise<Approval | null> {
    const requests = await loaders.approvalsOfRun.load(record.runId);
    const newest = requests.filter(({ step }) => step === record.index).at(-1);
    return newest === undefined ? null : Approval.from(newest);
  }

  @FieldResolver(() => StepRun, {
    nullable: true,
    description: "The step of an earlier run whose result it took over; null when it executed itself.",
  })
  async reusedFrom(@Root() { record }: StepRun, @Ctx() context: RequestContext): Promise<StepRun | null> {
    const result = await context.loaders.stepResult.load(record);
    if (result === null || result.reusedRunId === null || result.reusedIndex === null) return null;
    if ((await linkedRun(result.reusedRunId, context)) === null) return null;
    const step = await context.loaders.step.load({ runId: result.reusedRunId, index: result.reusedIndex });
    return step === null ? null : StepRun.from(step);
  }

  @FieldResolver(() => WorkflowRun, {
    nullable: true,
    description: "The newest run that it has made; null for other types than `workflow`.",
  })
  async childRun(@Root() { record }: StepRun, @Ctx() context: RequestContext): Promise<WorkflowRun | null> {
    if (record.type !== "WORKFLOW") return null;
    const child = readable(context.viewer, await context.loaders.childOfStep.load(record));
    return child === null ? null : WorkflowRun.from(child);
  }
}

@Resolver(() => WaitingOn)
export class WaitingOnResolver {
  @FieldResolver(() => [StepRun], {
    description:
      "Steps that keep the runners busy, for CAPACITY: only those of the same project, and at most 10.",
  })
  async holders(@Root() { holders }: WaitingOn, @Ctx() { loaders }: RequestContext): Promise<StepRun[]> {
    const steps = await loaders.step.loadMany([...holders]);
    return steps.flatMap((step) => (step === null || step instanceof Error ? [] : [StepRun.from(step)]));
  }
}
