import { Arg, Ctx, Field, Mutation, ObjectType, Resolver } from "type-graphql";
import type { StepAnswer, StepRequest } from "../../actions/command-step.ts";
import {
  abortStepRun,
  completeStepRun,
  forceCompleteStepRun,
  replayStepRunSubtree,
  retryStepRun,
  skipStepRun,
} from "../../actions/command-steps.ts";
import { decideApproval } from "../../actions/decide-approval.ts";
import { commandOptions } from "../command-input.ts";
import type { RequestContext } from "../context.ts";
import { readStep, type StepCommandInput } from "../inputs/selectors.ts";
import {
  AbortStepRunInput,
  CompleteStepRunInput,
  DecideApprovalInput,
  ForceCompleteStepRunInput,
  ReplayStepRunSubtreeInput,
  RetryStepRunInput,
  SkipStepRunInput,
} from "../inputs/step-commands.ts";
import { readObject } from "../read-json.ts";
import { Int } from "../scalars.ts";
import { type StepPayload, stepPayload } from "../types/command-payloads.ts";
import { StepRun } from "../types/step-run.ts";
import { carryOut, MutationPayload } from "../user-errors.ts";

const AbortPayload = stepPayload("AbortStepRunPayload", "What became of an abort.");
const RetryPayload = stepPayload("RetryStepRunPayload", "What became of a retry.");
const SkipPayload = stepPayload("SkipStepRunPayload", "What became of a skip.");
const ForcePayload = stepPayload("ForceCompleteStepRunPayload", "What became of a forced completion.");
const CompletePayload = stepPayload("CompleteStepRunPayload", "What became of a completion.");
const DecidePayload = stepPayload("DecideApprovalPayload", "What became of a decision.");

@ObjectType("ReplayStepRunSubtreePayload", {
  implements: MutationPayload,
  description: "What became of a replay.",
})
export class ReplayStepRunSubtreePayload extends MutationPayload {
  @Field(() => StepRun, { nullable: true, description: "The step as it is now; null when nothing was done." })
  stepRun!: StepRun | null;

  @Field(() => Int, { nullable: true, description: "How many steps were reset, the step itself included." })
  resetCount!: number | null;
}

const REFUSALS = "NotFound, InvalidState, RevisionConflict, IdempotencyConflict, ValidationFailed, Busy";
const REOPENS = "A run that had ended is reopened when this gives it something to do or another end.";

@Resolver()
export class StepMutations {
  @Mutation(() => AbortPayload, {
    nullable: true,
    description: `Stops one step: it becomes CANCELED, or CANCELING until its process is confirmed dead. What needs it is skipped, and the run ends FAILED. Legal in PENDING, QUEUED, WAITING, RUNNING and CANCELING. Refusals: ${REFUSALS}.`,
  })
  async abortStepRun(
    @Arg("input", () => AbortStepRunInput, { description: "Which step." }) input: AbortStepRunInput,
    @Ctx() context: RequestContext,
  ): Promise<StepPayload> {
    return await onStep(AbortPayload, input, context, async (request) => {
      const { reason = null } = input;
      return await abortStepRun(context.engine, context.viewer, { ...request, reason });
    });
  }

  @Mutation(() => RetryPayload, {
    nullable: true,
    description: `Does a step again, as a new attempt in the same run. What was skipped because of it is judged again; what succeeded stays. ${REOPENS} Legal in FAILED, TIMED_OUT and CANCELED. Refusals: ${REFUSALS}.`,
  })
  async retryStepRun(
    @Arg("input", () => RetryStepRunInput, { description: "Which step." }) input: RetryStepRunInput,
    @Ctx() context: RequestContext,
  ): Promise<StepPayload> {
    return await onStep(RetryPayload, input, context, async (request) => {
      return await retryStepRun(context.engine, context.viewer, request);
    });
  }

  @Mutation(() => ReplayStepRunSubtreePayload, {
    nullable: true,
    description: `Does a step and everything that comes after it again, in the same run; what of it is running is stopped first, approvals are asked again. ${REOPENS} Legal for every step that has started. Refusals: ${REFUSALS}.`,
  })
  async replayStepRunSubtree(
    @Arg("input", () => ReplayStepRunSubtreeInput, { description: "Which step." })
    input: ReplayStepRunSubtreeInput,
    @Ctx() context: RequestContext,
  ): Promise<ReplayStepRunSubtreePayload> {
    return await carryOut(
      ReplayStepRunSubtreePayload,
      input.clientMutationId,
      async () => {
        const answer = await replayStepRunSubtree(context.engine, context.viewer, requestOf(input));
        return { stepRun: await readStepRun(context, answer), resetCount: answer.result };
      },
      { stepRun: null, resetCount: null },
    );
  }

  @Mutation(() => SkipPayload, {
    nullable: true,
    description: `Takes a step as done without doing it: what needs it goes on. ${REOPENS} Legal in PENDING, QUEUED, WAITING, FAILED, TIMED_OUT, CANCELED, and SKIPPED for reason DEPENDENCY. Refusals: ${REFUSALS}.`,
  })
  async skipStepRun(
    @Arg("input", () => SkipStepRunInput, { description: "Which step." }) input: SkipStepRunInput,
    @Ctx() context: RequestContext,
  ): Promise<StepPayload> {
    return await onStep(SkipPayload, input, context, async (request) => {
      const { reason = null } = input;
      return await skipStepRun(context.engine, context.viewer, { ...request, reason });
    });
  }

  @Mutation(() => ForcePayload, {
    nullable: true,
    description: `Gives a step its result by hand: it becomes SUCCEEDED. A running attempt is stopped first. ${REOPENS} Legal wherever \`skipStepRun\` is, and in RUNNING. Refusals: ${REFUSALS}.`,
  })
  async forceCompleteStepRun(
    @Arg("input", () => ForceCompleteStepRunInput, { description: "Which step, and its result." })
    input: ForceCompleteStepRunInput,
    @Ctx() context: RequestContext,
  ): Promise<StepPayload> {
    return await onStep(ForcePayload, input, context, async (request) => {
      const output = readObject("input.result", input.result ?? {});
      return await forceCompleteStepRun(context.engine, context.viewer, { ...request, output });
    });
  }

  @Mutation(() => CompletePayload, {
    nullable: true,
    description: `Tells how something ended that an external system did: a step of type \`external\`, or \`build\` without a command. The same message again changes nothing. Legal in WAITING. Refusals: ${REFUSALS}.`,
  })
  async completeStepRun(
    @Arg("input", () => CompleteStepRunInput, { description: "Which step, and how it ended." })
    input: CompleteStepRunInput,
    @Ctx() context: RequestContext,
  ): Promise<StepPayload> {
    const { success, message = null, releaseId = null } = input;
    return await onStep(CompletePayload, input, context, async (request) => {
      const output = readObject("input.output", input.output ?? {});
      const completion = { success, message, releaseId };
      return await completeStepRun(context.engine, context.viewer, { ...request, completion, output });
    });
  }

  @Mutation(() => DecidePayload, {
    nullable: true,
    description: `Decides on an approval step, once per person. As many approvals as its quorum let it succeed, one rejection fails it. Open to the step's approvers, or, when it names none, to PROJECT_SUPERUSER. Legal in WAITING. Refusals: ${REFUSALS}.`,
  })
  async decideApproval(
    @Arg("input", () => DecideApprovalInput, { description: "Which step, and the decision." })
    input: DecideApprovalInput,
    @Ctx() context: RequestContext,
  ): Promise<StepPayload> {
    const { verdict, comment = null } = input;
    return await onStep(DecidePayload, input, context, async (request) => {
      const fields = readObject("input.fields", input.fields ?? {});
      return await decideApproval(context.engine, context.viewer, { ...request, verdict, comment, fields });
    });
  }
}

function requestOf(input: StepCommandInput): StepRequest {
  return { step: readStep(input.step), command: commandOptions(input) };
}

/** The way of every command to one step: its place, its options, what it does, and the step as it is then. */
async function onStep(
  payload: new () => StepPayload,
  input: StepCommandInput,
  context: RequestContext,
  act: (request: StepRequest) => Promise<StepAnswer<unknown>>,
): Promise<StepPayload> {
  return await carryOut(
    payload,
    input.clientMutationId,
    async () => ({ stepRun: await readStepRun(context, await act(requestOf(input))) }),
    { stepRun: null },
  );
}

async function readStepRun(
  { loaders }: RequestContext,
  { runId, index }: StepAnswer<unknown>,
): Promise<StepRun> {
  return StepRun.from((await loaders.step.load({ runId, index }))!);
}
