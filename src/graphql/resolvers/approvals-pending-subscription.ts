import { Arg, Ctx, ID, Resolver, Root, Subscription } from "type-graphql";
import { encodeId } from "../../domain/ids.ts";
import type { RunChange } from "../../persistence/queries/run-changes.ts";
import type { ChangeStreamItem } from "../../realtime/follow-changes.ts";
import { type ChangeScopeArgs, changesWithin, subscribeToChanges } from "../change-scope.ts";
import type { RequestContext } from "../context.ts";
import { Approval } from "../types/approval.ts";
import { ApprovalChange, ApprovalsPendingChanged } from "../types/list-changes.ts";
import { StreamMessage, StreamPositionInput } from "../types/stream.ts";
import { AFTER_CHANGE, toEdgeMessage } from "./subscriptions.ts";

@Resolver()
export class ApprovalsPendingSubscription {
  @Subscription(() => StreamMessage, {
    description:
      "What happens to the list of requests for approval that are PENDING: of one project, or of all that the viewer may read. Read `approvals` with its `eventCursor`, subscribe behind that, and apply what comes. Messages are ApprovalsPendingChanged, CaughtUp, Checkpoint and Reset.",
    subscribe: async ({ args, context }) =>
      await subscribeToChanges(
        args as ChangeScopeArgs,
        context as RequestContext,
        ({ approvals }) => approvals.length > 0,
      ),
  })
  async approvalsPending(
    @Root() item: ChangeStreamItem,
    @Ctx() context: RequestContext,
    @Arg("after", () => StreamPositionInput, { description: AFTER_CHANGE }) _after: StreamPositionInput,
    @Arg("projectId", () => ID, { nullable: true, description: "Only this project's, by id or slug." })
    _projectId?: string | null,
  ): Promise<StreamMessage> {
    if (item.kind !== "CHANGES") return toEdgeMessage(item);
    const changed = changesWithin(item, context);
    const changes = await Promise.all(changed.map(async (change) => await approvalChanges(change, context)));
    return Object.assign(new ApprovalsPendingChanged(), {
      cursor: item.cursor,
      approvalChanges: changes.flat(),
    });
  }
}

async function approvalChanges(
  { runId, approvals }: RunChange,
  { loaders }: RequestContext,
): Promise<ApprovalChange[]> {
  if (approvals.length === 0) return [];
  const records = await loaders.approvalsOfRun.load(runId);
  return approvals.map(({ step, attempt, created }) => {
    const record = records.find((one) => one.step === step && one.attempt === attempt) ?? null;
    const stays = created ? "ENTERED" : "UPDATED";
    return Object.assign(new ApprovalChange(), {
      change: record?.status === "PENDING" ? stays : "LEFT",
      approvalId: encodeId("Approval", runId, step, attempt),
      approval: record === null ? null : Approval.from(record),
    });
  });
}
