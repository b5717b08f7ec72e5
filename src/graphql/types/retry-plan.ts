import { Field, ObjectType } from "type-graphql";
import type { RetryOutcome } from "../../actions/retry-workflow-run.ts";
import { encodeId } from "../../domain/ids.ts";
import { ID } from "../scalars.ts";

@ObjectType("ReusedStep", { description: "A step of the new run that is not executed." })
export class ReusedStepPlan {
  @Field(() => String, { description: "Its ref in the workflow file." })
  stepRef!: string;

  @Field(() => ID, { description: "Id of the step run whose result it takes over." })
  stepRunId!: string;
}

@ObjectType("RetryPlan", { description: "What a retry executes, and what it takes over." })
export class RetryPlan {
  @Field(() => [String], { description: "Refs of the steps that are executed, in the order of the file." })
  execute!: readonly string[];

  @Field(() => [ReusedStepPlan], { description: "Steps that take over the result that they had." })
  reuse!: readonly ReusedStepPlan[];

  static from({ execute, reuse }: RetryOutcome): RetryPlan {
    return Object.assign(new RetryPlan(), {
      execute,
      reuse: reuse.map(({ stepRef, from }) =>
        Object.assign(new ReusedStepPlan(), {
          stepRef,
          stepRunId: encodeId("StepRun", from.runId, from.step),
        }),
      ),
    });
  }
}
