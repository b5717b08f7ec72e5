import { Arg, Args, Ctx, FieldResolver, ID, Int, Query, Resolver, Root } from "type-graphql";
import {
  type ApprovalPosition,
  type ApprovalRecord,
  countApprovals,
  type DecisionRecord,
  listApprovals,
} from "../../persistence/queries/approvals.ts";
import {
  foreignCursor,
  isKey,
  isMoment,
  isPosition,
  listCursor,
  readListCursor,
  readPage,
  toConnection,
} from "../connection.ts";
import type { RequestContext } from "../context.ts";
import { PagingArgs } from "../page-args.ts";
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
    @Args(() => PagingArgs) args: PagingArgs,
    @Arg("projectId", () => ID, { nullable: true, description: "Only this project's, by id or slug." })
    projectId?: string | null,
    @Arg("filter", () => ApprovalFilterInput, { nullable: true, description: "Only these." })
    filter?: ApprovalFilterInput | null,
  ) {
    const { database } = context.engine;
    const projectIds = await projectScope(context, projectId);
    const page = readPage(args);
    const conditions = readApprovalFilter(filter, context.viewer, projectIds);
    const list = JSON.stringify(["approvals", projectId ?? null, conditions]);
    const rows = await listApprovals(database, {
      projectIds,
      filter: conditions,
      backward: page.backward,
      from: page.from === null ? null : approvalPosition(list, page.from),
      limit: page.limit + 1,
      offset: page.offset,
    });
    return Object.assign(
      new ApprovalConnection(),
      toConnection(
        rows,
        page,
        ({ requestedAt, runId, step, attempt }) =>
          listCursor(list, [requestedAt.getTime(), runId, step, attempt]),
        Approval.from,
        async (cap) => await countApprovals(database, projectIds, conditions, cap),
      ),
    );
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

function approvalPosition(list: string, cursor: string): ApprovalPosition {
  const [requestedAt, runId, step, attempt] = readListCursor(list, cursor);
  if (!isMoment(requestedAt) || !isKey(runId) || !isPosition(step) || !isPosition(attempt))
    throw foreignCursor();
  return { requestedAt: new Date(requestedAt), runId, step, attempt };
}
