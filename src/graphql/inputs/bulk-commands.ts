import { Field, InputType } from "type-graphql";
import type { RetryVersion } from "../../actions/retry-workflow-run.ts";
import type { RetryMode } from "../../domain/retry-plan.ts";
import type { CancelMode } from "../../domain/run-state.ts";
import { CancelModeEnum, RetryModeEnum, RetryVersionEnum } from "../command-enums.ts";
import { CommandInput } from "../command-input.ts";
import { ID, Json } from "../scalars.ts";
import { WorkflowRunFilterInput } from "../types/workflow-run-filter.ts";

@InputType("WorkflowRunSelector", {
  description: "Which runs: exactly one of these. What matches is settled when the command is accepted.",
})
export class WorkflowRunSelectorInput {
  @Field(() => [ID], { nullable: true, description: "These runs, at most 100." })
  ids?: string[] | null;

  @Field(() => ID, {
    nullable: true,
    description:
      "Runs of this workflow: those that can be canceled for a cancel, those that have ended for everything else.",
  })
  workflowId?: string | null;

  @Field(() => WorkflowRunFilterInput, {
    nullable: true,
    description: "All runs that match, of every project that the caller may read. At most 100,000.",
  })
  filter?: WorkflowRunFilterInput | null;
}

/** A command to many runs. */
@InputType()
export class BulkInput extends CommandInput {
  @Field(() => WorkflowRunSelectorInput, { description: "Which runs." })
  runs!: WorkflowRunSelectorInput;
}

@InputType("CancelWorkflowRunsInput", { description: "Which runs to end, and how." })
export class CancelWorkflowRunsInput extends BulkInput {
  @Field(() => CancelModeEnum, { defaultValue: "GRACEFUL", description: "How hard." })
  mode!: CancelMode;

  @Field(() => String, { nullable: true, description: "Why, at most 500 characters; kept with the runs." })
  reason?: string | null;
}

@InputType("ReplayWorkflowRunsInput", { description: "Which runs to do again, as new runs." })
export class ReplayWorkflowRunsInput extends BulkInput {
  @Field(() => RetryModeEnum, {
    defaultValue: "ALL",
    description: "How much of each; FROM_STEPS is not for many runs.",
  })
  mode!: RetryMode;

  @Field(() => RetryVersionEnum, {
    defaultValue: "ORIGINAL",
    description: "Which version of its workflow each new run executes.",
  })
  version!: RetryVersion;
}

@InputType("RetryWorkflowRunsInput", { description: "Which runs to do again from where they failed." })
export class RetryWorkflowRunsInput extends BulkInput {
  @Field(() => RetryVersionEnum, {
    defaultValue: "ORIGINAL",
    description: "Which version of its workflow each new run executes.",
  })
  version!: RetryVersion;
}

@InputType("DeleteWorkflowRunsInput", { description: "Which runs to delete." })
export class DeleteWorkflowRunsInput extends BulkInput {
  @Field(() => Boolean, { defaultValue: false, description: "Ends runs that have not ended first." })
  force!: boolean;
}

@InputType("SetWorkflowRunsLabelsInput", { description: "Which runs to label, and how." })
export class SetWorkflowRunsLabelsInput extends BulkInput {
  @Field(() => Json, { description: "An object: a text sets the label of that key, null removes it." })
  labels!: unknown;

  @Field(() => Boolean, { defaultValue: false, description: "Labels that are not named go away." })
  replace!: boolean;
}

@InputType("AbortBulkOperationInput", { description: "Which bulk operation to stop." })
export class AbortBulkOperationInput {
  @Field(() => ID, { description: "The bulk operation." })
  bulkOperationId!: string;

  @Field(() => String, { nullable: true, description: "Handed back in the payload." })
  clientMutationId?: string | null;
}
