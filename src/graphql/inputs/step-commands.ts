import { Field, InputType } from "type-graphql";
import type { ApprovalVerdict } from "../../domain/approvals.ts";
import { ApprovalVerdictEnum } from "../command-enums.ts";
import { Json } from "../scalars.ts";
import { StepCommandInput } from "./selectors.ts";

const REASON = "Why, at most 500 characters; kept with the step.";

@InputType("AbortStepRunInput", { description: "Which step to stop." })
export class AbortStepRunInput extends StepCommandInput {
  @Field(() => String, { nullable: true, description: REASON })
  reason?: string | null;
}

@InputType("RetryStepRunInput", { description: "Which step to do again." })
export class RetryStepRunInput extends StepCommandInput {}

@InputType("ReplayStepRunSubtreeInput", { description: "Which step to do again with all that follows it." })
export class ReplayStepRunSubtreeInput extends StepCommandInput {}

@InputType("SkipStepRunInput", { description: "Which step to take as done." })
export class SkipStepRunInput extends StepCommandInput {
  @Field(() => String, { nullable: true, description: REASON })
  reason?: string | null;
}

@InputType("ForceCompleteStepRunInput", { description: "Which step to complete by hand, and with what." })
export class ForceCompleteStepRunInput extends StepCommandInput {
  @Field(() => Json, {
    nullable: true,
    description: "The step's output, an object; default `{}`.",
  })
  result?: unknown;
}

@InputType("CompleteStepRunInput", { description: "How something ended that an external system did." })
export class CompleteStepRunInput extends StepCommandInput {
  @Field(() => Boolean, { description: "Whether it succeeded." })
  success!: boolean;

  @Field(() => String, { nullable: true, description: "What there is to say, at most 2,000 characters." })
  message?: string | null;

  @Field(() => String, {
    nullable: true,
    description: "Id of the release that was made, at most 250 characters; also in the step's output.",
  })
  releaseId?: string | null;

  @Field(() => Json, {
    nullable: true,
    description: "What the step gives to others, an object; default `{}`.",
  })
  output?: unknown;
}

@InputType("DecideApprovalInput", { description: "A decision on an approval step." })
export class DecideApprovalInput extends StepCommandInput {
  @Field(() => ApprovalVerdictEnum, { description: "The decision." })
  verdict!: ApprovalVerdict;

  @Field(() => String, { nullable: true, description: "Why, at most 2,000 characters." })
  comment?: string | null;

  @Field(() => Json, {
    nullable: true,
    description: "What the approver fills in, an object of at most 64 KiB: the step's output.",
  })
  fields?: unknown;
}
