import { Field, InputType } from "type-graphql";
import type { RetryVersion } from "../../actions/retry-workflow-run.ts";
import type { RetryMode } from "../../domain/retry-plan.ts";
import type { CancelMode, PauseMode } from "../../domain/run-state.ts";
import { CancelModeEnum, PauseModeEnum, RetryModeEnum, RetryVersionEnum } from "../command-enums.ts";
import { ID, Int, Json } from "../scalars.ts";
import { RunOptionsInput, StartInput } from "./run-options.ts";
import { RunCommandInput } from "./selectors.ts";

const REASON = "Why, at most 500 characters; kept with it.";
const REVISION = "Refuse with RevisionConflict unless the run's `revision` is this one.";

@InputType("TriggerWorkflowRunInput", { description: "What to run, and with what." })
export class TriggerWorkflowRunInput extends RunOptionsInput {
  @Field(() => ID, { description: "The workflow; its latest version is executed." })
  workflowId!: string;

  @Field(() => ID, {
    nullable: true,
    description: "A run of the same project that this one builds on: its artifacts are handed over.",
  })
  sourceRunId?: string | null;

  @Field(() => ID, { nullable: true, description: "A run of the same project that this one is a part of." })
  parentRunId?: string | null;

  @Field(() => String, {
    nullable: true,
    description: "Ref of the parent's step that this run belongs to; needs `parentRunId`.",
  })
  parentStepRef?: string | null;
}

@InputType("ExecuteWorkflowInput", {
  description: "What to run, with what, and how long to wait for its end.",
})
export class ExecuteWorkflowInput extends TriggerWorkflowRunInput {
  @Field(() => Int, {
    defaultValue: 30_000,
    description: "How long the answer may wait for the run's end, in milliseconds: 0 to 600,000.",
  })
  waitMs!: number;
}

@InputType("StartWorkflowRunInput", {
  description: "Which run to start, and what to change about it before it does.",
})
export class StartWorkflowRunInput extends StartInput {
  @Field(() => ID, { description: "The run." })
  workflowRunId!: string;

  @Field(() => Int, { nullable: true, description: REVISION })
  expectedRevision?: number | null;
}

@InputType("CancelWorkflowRunInput", { description: "Which run to end, and how." })
export class CancelWorkflowRunInput extends RunCommandInput {
  @Field(() => CancelModeEnum, { defaultValue: "GRACEFUL", description: "How hard." })
  mode!: CancelMode;

  @Field(() => String, { nullable: true, description: REASON })
  reason?: string | null;
}

@InputType("PauseWorkflowRunInput", { description: "Which run to hold, and what to do about running steps." })
export class PauseWorkflowRunInput extends RunCommandInput {
  @Field(() => PauseModeEnum, { defaultValue: "DRAIN", description: "What becomes of running steps." })
  mode!: PauseMode;

  @Field(() => String, { nullable: true, description: REASON })
  reason?: string | null;
}

@InputType("ResumeWorkflowRunInput", { description: "Which paused run to let go on." })
export class ResumeWorkflowRunInput extends RunCommandInput {}

@InputType("RetryWorkflowRunInput", {
  description: "Which run to do again, how much of it, and what to change about it.",
})
export class RetryWorkflowRunInput extends StartInput {
  @Field(() => ID, { description: "The run. It must have ended." })
  workflowRunId!: string;

  @Field(() => Int, { nullable: true, description: REVISION })
  expectedRevision?: number | null;

  @Field(() => RetryModeEnum, { defaultValue: "FROM_FAILED", description: "How much of it." })
  mode!: RetryMode;

  @Field(() => [String], {
    nullable: true,
    description: "For FROM_STEPS: refs of the steps to begin with, 1 to 250.",
  })
  stepRefs?: string[] | null;

  @Field(() => Boolean, {
    defaultValue: true,
    description: "For FROM_STEPS: everything that comes after those steps is executed again as well.",
  })
  includeDownstream!: boolean;

  @Field(() => RetryVersionEnum, {
    defaultValue: "ORIGINAL",
    description: "Which version of the workflow the new run executes.",
  })
  version!: RetryVersion;
}

@InputType("FinalizeWorkflowRunInput", { description: "Which run to seal." })
export class FinalizeWorkflowRunInput extends RunCommandInput {
  @Field(() => Boolean, {
    defaultValue: false,
    description: "Ends a run that has not ended first; it is sealed as soon as it has.",
  })
  force!: boolean;
}

@InputType("DeleteWorkflowRunInput", { description: "Which run to delete." })
export class DeleteWorkflowRunInput extends RunCommandInput {
  @Field(() => Boolean, { defaultValue: false, description: "Ends a run that has not ended first." })
  force!: boolean;
}

@InputType("SetWorkflowRunLabelsInput", { description: "Which run, and what its labels are to be." })
export class SetWorkflowRunLabelsInput extends RunCommandInput {
  @Field(() => Json, {
    description: "An object: a text sets the label of that key, null removes it. At most 64 labels in all.",
  })
  labels!: unknown;

  @Field(() => Boolean, { defaultValue: false, description: "Labels that are not named go away." })
  replace!: boolean;
}

@InputType("AnnotateWorkflowRunInput", { description: "Which run, and what to note on it." })
export class AnnotateWorkflowRunInput extends RunCommandInput {
  @Field(() => Json, {
    description: "An object: a text sets the note of that key, null removes it. At most 64 notes in all.",
  })
  annotations!: unknown;

  @Field(() => Boolean, { defaultValue: false, description: "Notes that are not named go away." })
  replace!: boolean;
}
