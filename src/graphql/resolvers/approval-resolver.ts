import type { GraphQLResolveInfo } from "graphql";
import { Arg, Args, Ctx, FieldResolver, ID, Info, Int, Query, Resolver, Root } from "type-graphql";
import {
  type ApprovalPosition,
  type ApprovalRecord,
  countApprovals,
  type DecisionRecord,
  listApprovals,
} from "../../persistence/queries/approvals.ts";
import { currentChangeCursor } from "../../realtime/change-cursors.ts";
import { isKey, isMoment, isPosition } from "../connection.ts";
import type { RequestContext } from "../context.ts";
import { isSelected } from "../is-selected.ts";
import { PagingArgs } from "../page-args.ts";
import { pageOf } from "../page-of.ts";
import { projectScope } from "../scope.ts";
import { Actor } from "../types/actor.ts";
import { Approval, ApprovalConnection, ApprovalDecision } from "../types/approval.ts";
import { ApprovalFilterInput, readApprovalFilter } from "../types/approval-filter.ts";
import { StepRun } from "../types/step-run.ts";
import { WorkflowRun } from "../types/workflow-run.ts";

@Resolver(() => Approval)
export class ApprovalResolver {
  @Query(() => ApprovalConnection, {
    description: "Requests for approval: of one project, or of all that the viewer may read. Newest first.",
  })
  async approvals(
    @Ctx() context: RequestContext,
    @Info() info: GraphQLResolveInfo,
    @Args(() => PagingArgs) args: PagingArgs,
    @Arg("projectId", () => ID, { nullable: true, description: "Only this project's, by id or slug." })
    projectId?: string | null,
    @Arg("filter", () => ApprovalFilterInput, { nullable: true, description: "Only these." })
    filter?: ApprovalFilterInput | null,
  ) {
    const { database } = context.engine;
    const projectIds = await projectScope(context, projectId);
    const conditions = readApprovalFilter(filter, context.viewer, projectIds);
    // Before the list: what is committed in between is told rather than missed.
    const eventCursor = isSelected(info, "eventCursor") ? await currentChangeCursor(database) : "";
    const page = await pageOf(ApprovalConnection, args, {
      name: JSON.stringify(["approvals", projectId ?? null, conditions]),
      keyOf: ({ requestedAt, runId, step, attempt }: ApprovalRecord) => [
        requestedAt.getTime(),
        runId,
        step,
        attempt,
      ],
      positionOf: approvalPosition,
      read: async (window) => await listApprovals(database, { projectIds, filter: conditions, ...window }),
      toItem: Approval.from,
      count: async (cap) => await countApprovals(database, projectIds, conditions, cap),
    });
    return Object.assign(page, { eventCursor });
  }

  @FieldResolver(() => StepRun, { description: "The step that asks." })
  async stepRun(
    @Root() { record: { runId, step } }: Approval,
    @Ctx() { loaders }: RequestContext,
  ): Promise<StepRun> {
    return StepRun.from((await loaders.step.load({ runId, index: step }))!);
  }

  @FieldResolver(() => WorkflowRun, { description: "The run that the step is part of." })
  async workflowRun(@Root() { record }: Approval, @Ctx() { loaders }: RequestContext): Promise<WorkflowRun> {
    return WorkflowRun.from((await loaders.run.load(record.runId))!);
  }

  @FieldResolver(() => [ApprovalDecision], { description: "What was decided so far, oldest first." })
  async decisions(@Root() { record }: Approval, @Ctx() context: RequestContext): Promise<ApprovalDecision[]> {
    return (await decisionsOn(record, context)).map(ApprovalDecision.from);
  }

  @FieldResolver(() => Int, { description: "How many have approved so far." })
  async approvedCount(@Root() { record }: Approval, @Ctx() context: RequestContext): Promise<number> {
    return (await decisionsOn(record, context)).filter(({ verdict }) => verdict === "APPROVE").length;
  }
}

@Resolver(() => ApprovalDecision)
export class ApprovalDecisionResolver {
  @FieldResolver(() => Actor, { description: "Who decided." })
  async actor(@Root() { actorId }: ApprovalDecision, @Ctx() { loaders }: RequestContext): Promise<Actor> {
    return Actor.from(await loaders.account.load(actorId));
  }
}

async function decisionsOn(
  { runId, step, attempt }: ApprovalRecord,
  { loaders }: RequestContext,
): Promise<DecisionRecord[]> {
  const decisions = await loaders.decisionsOfRun.load(runId);
  return decisions.filter((decision) => decision.step === step && decision.attempt === attempt);
}

function approvalPosition([requestedAt, runId, step, attempt]: readonly unknown[]): ApprovalPosition | null {
  if (!isMoment(requestedAt) || !isKey(runId) || !isPosition(step) || !isPosition(attempt)) return null;
  return { requestedAt: new Date(requestedAt), runId, step, attempt };
}
