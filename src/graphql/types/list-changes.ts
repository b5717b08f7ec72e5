import { Field, ObjectType } from "type-graphql";
import { encodeId } from "../../domain/ids.ts";
import { type ListChange, ListChangeEnum } from "../enums.ts";
import { ID } from "../scalars.ts";
import { Approval } from "./approval.ts";
import { StreamMessage } from "./stream.ts";

@ObjectType("WorkflowRunChange", { description: "What a change of one run does to a list of runs." })
export class WorkflowRunChange {
  @Field(() => ListChangeEnum, { description: "What to do with the run in the list." })
  change!: ListChange;

  @Field(() => ID, { description: "The run's id." })
  workflowRunId!: string;

  /** Its key. */
  runId!: string;

  static of(runId: string, change: ListChange): WorkflowRunChange {
    const workflowRunId = encodeId("WorkflowRun", runId);
    return Object.assign(new WorkflowRunChange(), { change, workflowRunId, runId });
  }
}

@ObjectType("WorkflowRunsChanged", {
  implements: StreamMessage,
  description: "Runs changed, each of them at least once since the message before; told as they are now.",
})
export class WorkflowRunsChanged extends StreamMessage {
  @Field(() => [WorkflowRunChange], { description: "One entry for each run, at most 100, by id." })
  changes!: readonly WorkflowRunChange[];
}

@ObjectType("ApprovalChange", {
  description: "What a change of one request for approval does to the list of those that wait.",
})
export class ApprovalChange {
  @Field(() => ListChangeEnum, { description: "What to do with the request in the list." })
  change!: ListChange;

  @Field(() => ID, { description: "The request's id." })
  approvalId!: string;

  @Field(() => Approval, {
    nullable: true,
    description: "The request as it is now; null when it is gone with its run.",
  })
  approval!: Approval | null;
}

@ObjectType("ApprovalsPendingChanged", {
  implements: StreamMessage,
  description: "Requests for approval changed, each at least once since the message before.",
})
export class ApprovalsPendingChanged extends StreamMessage {
  @Field(() => [ApprovalChange], { description: "One entry for each request." })
  approvalChanges!: readonly ApprovalChange[];
}
