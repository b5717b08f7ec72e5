import { Field, ObjectType } from "type-graphql";
import type { ApprovalStatus, ApprovalVerdict } from "../../domain/approvals.ts";
import { encodeId } from "../../domain/ids.ts";
import type { ApprovalRecord, DecisionRecord } from "../../persistence/queries/approvals.ts";
import { ApprovalVerdictEnum } from "../command-enums.ts";
import { followedConnectionOf } from "../connection.ts";
import { ApprovalStatusEnum } from "../enums.ts";
import { DateTime, Int, Json } from "../scalars.ts";
import { Node } from "./node.ts";

@ObjectType("Approval", {
  implements: Node,
  description: "A request for approval, which a step makes anew in every attempt.",
})
export class Approval extends Node {
  @Field(() => ApprovalStatusEnum, { description: "Where it stands." })
  status!: ApprovalStatus;

  @Field(() => Int, { description: "Number of the step's attempt that asks." })
  attempt!: number;

  @Field(() => Int, { description: "How many must approve." })
  quorum!: number;

  @Field(() => [String], {
    nullable: true,
    description: "Usernames of those who may decide; null = everyone whose role allows it.",
  })
  approvers!: readonly string[] | null;

  @Field(() => Boolean, { description: "Whoever made the run may decide as well." })
  selfApproval!: boolean;

  @Field(() => String, { nullable: true, description: "What the approvers are asked." })
  prompt!: string | null;

  @Field(() => DateTime, { description: "When it was made." })
  requestedAt!: Date;

  @Field(() => DateTime, { nullable: true, description: "When it times out; null = with its run." })
  dueAt!: Date | null;

  @Field(() => DateTime, { nullable: true, description: "When it was closed; null while it is PENDING." })
  closedAt!: Date | null;

  record!: ApprovalRecord;

  static from(record: ApprovalRecord): Approval {
    const id = encodeId("Approval", record.runId, record.step, record.attempt);
    return Object.assign(new Approval(), { ...record, id, record });
  }
}

export const ApprovalConnection = followedConnectionOf("Approval", () => Approval, "approvalsPending");

@ObjectType("ApprovalDecision", { description: "What one approver decided." })
export class ApprovalDecision {
  @Field(() => ApprovalVerdictEnum, { description: "The decision." })
  verdict!: ApprovalVerdict;

  @Field(() => String, { nullable: true, description: "What the approver remarked." })
  comment!: string | null;

  @Field(() => Json, { description: "What the approver filled in: an object." })
  fields!: Readonly<Record<string, unknown>>;

  @Field(() => DateTime, { description: "When." })
  at!: Date;

  actorId!: string;

  static from({ verdict, comment, fields, at, actorId }: DecisionRecord): ApprovalDecision {
    return Object.assign(new ApprovalDecision(), { verdict, comment, fields, at, actorId });
  }
}
