import { Arg, Ctx, Field, Mutation, ObjectType, Resolver } from "type-graphql";
import { awaitRunEnd } from "../../actions/await-run-end.ts";
import { retryWorkflowRun } from "../../actions/retry-workflow-run.ts";
import { type TriggerWorkflowRun, triggerWorkflowRun } from "../../actions/trigger-workflow-run.ts";
import { invalidValue } from "../../domain/refusals.ts";
import { isTerminal } from "../../domain/statuses.ts";
import { commandOptions } from "../command-input.ts";
import type { RequestContext } from "../context.ts";
import {
  ExecuteWorkflowInput,
  RetryWorkflowRunInput,
  TriggerWorkflowRunInput,
} from "../inputs/run-commands.ts";
import { readOverrides, readRunOptions } from "../inputs/run-options.ts";
import { keyIn } from "../inputs/selectors.ts";
import { type RunPayload, runPayload } from "../types/command-payloads.ts";
import { RetryPlan } from "../types/retry-plan.ts";
import { WorkflowRun } from "../types/workflow-run.ts";
import { carryOut, MutationPayload } from "../user-errors.ts";
import { readRun } from "./run-mutations.ts";

const TriggerPayload = runPayload(
  "TriggerWorkflowRunPayload",
  "What became of a trigger. `workflowRun` is the new run; null also after a dry run.",
);

@ObjectType("ExecuteWorkflowPayload", {
  implements: MutationPayload,
  description: "What became of an execution.",
})
export class ExecuteWorkflowPayload extends MutationPayload {
  @Field(() => WorkflowRun, { nullable: true, description: "The new run as it is when the wait is over." })
  workflowRun!: WorkflowRun | null;

  @Field(() => Boolean, {
    description: "The run has ended. False: the wait was shorter than the run; follow it with `runEvents`.",
  })
  finished!: boolean;
}

@ObjectType("RetryWorkflowRunPayload", {
  implements: MutationPayload,
  description: "What became of a retry.",
})
export class RetryWorkflowRunPayload extends MutationPayload {
  @Field(() => WorkflowRun, { nullable: true, description: "The new run; null after a dry run." })
  workflowRun!: WorkflowRun | null;

  @Field(() => RetryPlan, {
    nullable: true,
    description: "What the new run executes and what it takes over; null when the retry was refused.",
  })
  plan!: RetryPlan | null;
}

const MAX_WAIT_MS = 600_000;
const MAX_STEP_REFS = 250;

@Resolver()
export class RunMakingMutations {
  @Mutation(() => TriggerPayload, {
    nullable: true,
    description:
      "Makes a run of a workflow's latest version and queues it. Refusals: NotFound, InvalidState (archived), ValidationFailed, IdempotencyConflict, Busy.",
  })
  async triggerWorkflowRun(
    @Arg("input", () => TriggerWorkflowRunInput, { description: "What to run, and with what." })
    input: TriggerWorkflowRunInput,
    @Ctx() context: RequestContext,
  ): Promise<RunPayload> {
    return await carryOut(
      TriggerPayload,
      input.clientMutationId,
      async () => {
        const runId = await triggerWorkflowRun(context.engine, context.viewer, readTrigger(input));
        return { workflowRun: await readRun(context, runId) };
      },
      { workflowRun: null },
    );
  }

  @Mutation(() => ExecuteWorkflowPayload, {
    nullable: true,
    description:
      "Triggers a run and answers when it has ended, or when the wait is over. The run goes on either way, also when the caller hangs up; with an `idempotencyKey` the same request again waits for the same run. Refusals: as of `triggerWorkflowRun`.",
  })
  async executeWorkflow(
    @Arg("input", () => ExecuteWorkflowInput, { description: "What to run, and how long to wait." })
    input: ExecuteWorkflowInput,
    @Ctx() context: RequestContext,
  ): Promise<ExecuteWorkflowPayload> {
    const { waitMs } = input;
    return await carryOut(
      ExecuteWorkflowPayload,
      input.clientMutationId,
      async () => {
        if (waitMs < 0 || waitMs > MAX_WAIT_MS) {
          throw invalidValue("input.waitMs", `must be between 0 and ${MAX_WAIT_MS}`);
        }
        const trigger = readTrigger(input);
        const runId = await triggerWorkflowRun(context.engine, context.viewer, trigger, "executeWorkflow");
        if (!input.dryRun) await awaitRunEnd(context.engine, runId, waitMs, context.signal);
        const workflowRun = await readRun(context, runId);
        return { workflowRun, finished: workflowRun !== null && isTerminal(workflowRun.status) };
      },
      { workflowRun: null, finished: false },
    );
  }

  @Mutation(() => RetryWorkflowRunPayload, {
    nullable: true,
    description:
      "Does a run that has ended again, as a new run with the same inputs. Steps that need not be executed again take their result over. Refusals: NotFound, InvalidState, ValidationFailed, RevisionConflict, IdempotencyConflict, Busy.",
  })
  async retryWorkflowRun(
    @Arg("input", () => RetryWorkflowRunInput, { description: "Which run, and how much of it." })
    input: RetryWorkflowRunInput,
    @Ctx() context: RequestContext,
  ): Promise<RetryWorkflowRunPayload> {
    return await carryOut(
      RetryWorkflowRunPayload,
      input.clientMutationId,
      async () => {
        const stepRefs = input.stepRefs ?? [];
        if (stepRefs.length > MAX_STEP_REFS) {
          throw invalidValue("input.stepRefs", `at most ${MAX_STEP_REFS} steps`);
        }
        const outcome = await retryWorkflowRun(context.engine, context.viewer, {
          runId: keyIn("WorkflowRun", input.workflowRunId, "input.workflowRunId"),
          command: commandOptions(input),
          mode: input.mode,
          stepRefs,
          includeDownstream: input.includeDownstream,
          version: input.version,
          overrides: readOverrides(input),
        });
        return { workflowRun: await readRun(context, outcome.runId), plan: RetryPlan.from(outcome) };
      },
      { workflowRun: null, plan: null },
    );
  }
}

function readTrigger(input: TriggerWorkflowRunInput): TriggerWorkflowRun {
  const { parentRunId, parentStepRef, sourceRunId } = input;
  if (parentRunId == null && parentStepRef != null) {
    throw invalidValue("input.parentStepRef", "a parent's step needs its run");
  }
  return {
    workflowId: keyIn("Workflow", input.workflowId, "input.workflowId"),
    options: readRunOptions(input),
    sourceRunId: sourceRunId == null ? null : keyIn("WorkflowRun", sourceRunId, "input.sourceRunId"),
    parent:
      parentRunId == null
        ? null
        : {
            runId: keyIn("WorkflowRun", parentRunId, "input.parentRunId"),
            stepRef: parentStepRef ?? null,
          },
    command: commandOptions(input),
  };
}
