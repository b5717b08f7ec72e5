import { Field, InputType } from "type-graphql";
import { roleIn, roleSatisfies, type Viewer } from "../../domain/access.ts";
import type { ApprovalStatus } from "../../domain/approvals.ts";
import type { ApprovalFilter } from "../../persistence/queries/approvals.ts";
import { ApprovalStatusEnum } from "../enums.ts";
import { ID } from "../scalars.ts";
import { checkLength, readKeys } from "./ranges.ts";

@InputType("ApprovalFilter", {
  description: "Which requests for approval: all conditions that are given must hold.",
})
export class ApprovalFilterInput {
  @Field(() => [ApprovalStatusEnum], {
    nullable: true,
    description: "Only those in one of these statuses; an empty list matches nothing.",
  })
  status?: ApprovalStatus[] | null;

  @Field(() => [ID], { nullable: true, description: "Only those in runs of these workflows. At most 250." })
  workflowIds?: string[] | null;

  @Field(() => Boolean, {
    defaultValue: false,
    description: "Only those that wait for a decision of the viewer: who may decide, and has not yet.",
  })
  mine!: boolean;
}

export function readApprovalFilter(
  input: ApprovalFilterInput | null | undefined,
  viewer: Viewer,
  projectIds: readonly string[],
): ApprovalFilter {
  const byRole = projectIds.filter((id) => roleSatisfies(roleIn(viewer, id), "PROJECT_SUPERUSER"));
  return {
    status: checkLength("filter.status", input?.status ?? null),
    workflowIds: readKeys("Workflow", input?.workflowIds, "filter.workflowIds"),
    decider: input?.mine === true ? { accountId: viewer.accountId, byRole } : null,
  };
}
