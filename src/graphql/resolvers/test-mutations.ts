import { Arg, Ctx, Field, Mutation, ObjectType, Resolver } from "type-graphql";
import type { StepAnswer, StepRequest } from "../../actions/command-step.ts";
import type { TestItem, TestOutcome, TestsAnswer, TestsRequest } from "../../actions/command-tests.ts";
import { rediscoverTests, submitTests } from "../../actions/submit-tests.ts";
import { abortTestRuns, rerunTestRuns, reviewTestRuns } from "../../actions/test-runs.ts";
import { commandOptions } from "../command-input.ts";
import type { RequestContext } from "../context.ts";
import type { StepCommandInput } from "../inputs/selectors.ts";
import { readStep } from "../inputs/selectors.ts";
import {
  AbortTestRunsInput,
  RediscoverTestsInput,
  RerunTestRunsInput,
  ReviewTestRunsInput,
  readSubmitted,
  readTests,
  SubmitTestsInput,
  type TestsCommandInput,
} from "../inputs/test-commands.ts";
import { readObject } from "../read-json.ts";
import { Int } from "../scalars.ts";
import { TestOutcomeEnum } from "../test-enums.ts";
import { type StepPayload, stepPayload } from "../types/command-payloads.ts";
import { StepRun } from "../types/step-run.ts";
import { TestRun } from "../types/test-run.ts";
import { WorkflowRun } from "../types/workflow-run.ts";
import { carryOut, MutationPayload } from "../user-errors.ts";

@ObjectType("TestCommandItem", { description: "What became of a command to one test." })
export class TestCommandItem {
  @Field(() => TestRun, { nullable: true, description: "The test as it is now; null when it was not found." })
  testRun!: TestRun | null;

  @Field(() => TestOutcomeEnum, { description: "What became of it." })
  outcome!: TestOutcome;

  @Field(() => String, { nullable: true, description: "Why it was not done; null when it was." })
  error!: string | null;
}

interface TestsPayload extends MutationPayload {
  workflowRun: WorkflowRun | null;
  items: readonly TestCommandItem[];
  count: number;
}

/** The payload of a command to tests. */
function testsPayload(name: string, description: string): new () => TestsPayload {
  @ObjectType(name, { implements: MutationPayload, description })
  class Payload extends MutationPayload {
    @Field(() => WorkflowRun, {
      nullable: true,
      description: "The run as it is now; null when nothing was done.",
    })
    workflowRun!: WorkflowRun | null;

    @Field(() => [TestCommandItem], {
      description: "One for each id, in the order of the input; none where a filter chose the tests.",
    })
    items!: readonly TestCommandItem[];

    @Field(() => Int, { description: "How many tests it was done to." })
    count!: number;
  }
  Object.defineProperty(Payload, "name", { value: name });
  return Payload;
}

const RerunPayload = testsPayload("RerunTestRunsPayload", "What became of a rerun.");
const AbortPayload = testsPayload("AbortTestRunsPayload", "What became of an abort.");
const ReviewPayload = testsPayload("ReviewTestRunsPayload", "What became of a review.");
const SubmitPayload = stepPayload("SubmitTestsPayload", "What became of a submission.");
const RediscoverPayload = stepPayload("RediscoverTestsPayload", "What became of a rediscovery.");

const REFUSALS =
  "NotFound, InvalidState, RevisionConflict, IdempotencyConflict, ValidationFailed, LimitExceeded, Busy";
const REOPENS =
  "A step that had ended goes on for it, and so does its run; steps after it that were skipped are judged again, those that succeeded stay.";

@Resolver()
export class TestMutations {
  @Mutation(() => SubmitPayload, {
    nullable: true,
    description: `Gives a test step tests to execute: those that are named, or all that discovery finds. ${REOPENS} Legal for test steps of runs that are not finalized, except in CANCELING. Refusals: ${REFUSALS}.`,
  })
  async submitTests(
    @Arg("input", () => SubmitTestsInput, { description: "Which step, which tests, and with what." })
    input: SubmitTestsInput,
    @Ctx() context: RequestContext,
  ): Promise<StepPayload> {
    return await onStep(SubmitPayload, input, context, async (request) => {
      const { testSuite = null, releaseIds } = input;
      const configuration = readObject("input.configuration", input.configuration ?? {});
      const tests = readSubmitted(input.tests);
      const submitted = { testSuite, releaseIds: releaseIds ?? [], configuration, tests };
      return await submitTests(context.engine, context.viewer, { ...request, ...submitted });
    });
  }

  @Mutation(() => RediscoverPayload, {
    nullable: true,
    description: `Looks for the tests of a step again: new ones are executed, those that are gone no longer count, the others keep their results. ${REOPENS} Legal as \`submitTests\`. Refusals: ${REFUSALS}.`,
  })
  async rediscoverTests(
    @Arg("input", () => RediscoverTestsInput, { description: "Which step." }) input: RediscoverTestsInput,
    @Ctx() context: RequestContext,
  ): Promise<StepPayload> {
    return await onStep(RediscoverPayload, input, context, async (request) => {
      return await rediscoverTests(context.engine, context.viewer, request);
    });
  }

  @Mutation(() => RerunPayload, {
    nullable: true,
    description: `Executes tests again that have ended; what was recorded of them stays. ${REOPENS} Legal for tests that have ended. Refusals: ${REFUSALS}.`,
  })
  async rerunTestRuns(
    @Arg("input", () => RerunTestRunsInput, { description: "Which tests." }) input: RerunTestRunsInput,
    @Ctx() context: RequestContext,
  ): Promise<TestsPayload> {
    return await onTests(RerunPayload, input, context, async (request) => {
      return await rerunTestRuns(context.engine, context.viewer, request);
    });
  }

  @Mutation(() => AbortPayload, {
    nullable: true,
    description: `Stops tests: queued ones become CANCELED at once, running ones when their runner has killed them. A canceled test fails the gate of its step unless it is waived. Legal in QUEUED and RUNNING. Refusals: ${REFUSALS}.`,
  })
  async abortTestRuns(
    @Arg("input", () => AbortTestRunsInput, { description: "Which tests." }) input: AbortTestRunsInput,
    @Ctx() context: RequestContext,
  ): Promise<TestsPayload> {
    return await onTests(AbortPayload, input, context, async (request) => {
      const { reason = null } = input;
      return await abortTestRuns(context.engine, context.viewer, { ...request, reason });
    });
  }

  @Mutation(() => ReviewPayload, {
    nullable: true,
    description: `Records what somebody says of tests. The gate of a test step lets it pass when every test PASSED or was SKIPPED, and is not REJECTED, or is WAIVED. A step that its tests had failed SUCCEEDED as soon as a waiver allows it, and fails when a test is rejected; the run follows. APPROVED records agreement only. A rerun takes back APPROVED and REJECTED; a waiver holds for the test in all runs of the workflow. Legal for tests that have ended. Refusals: ${REFUSALS}.`,
  })
  async reviewTestRuns(
    @Arg("input", () => ReviewTestRunsInput, { description: "Which tests, and the review." })
    input: ReviewTestRunsInput,
    @Ctx() context: RequestContext,
  ): Promise<TestsPayload> {
    return await onTests(ReviewPayload, input, context, async (request) => {
      const { status, comment = null, expiresAt = null } = input;
      const review = { status, comment, expiresAt };
      return await reviewTestRuns(context.engine, context.viewer, { ...request, ...review });
    });
  }
}

async function onStep(
  payload: new () => StepPayload,
  input: StepCommandInput,
  { loaders }: RequestContext,
  act: (request: StepRequest) => Promise<StepAnswer<unknown>>,
): Promise<StepPayload> {
  return await carryOut(
    payload,
    input.clientMutationId,
    async () => {
      const { runId, index } = await act({ step: readStep(input.step), command: commandOptions(input) });
      return { stepRun: StepRun.from((await loaders.step.load({ runId, index }))!) };
    },
    { stepRun: null },
  );
}

async function onTests(
  payload: new () => TestsPayload,
  input: TestsCommandInput,
  context: RequestContext,
  act: (request: TestsRequest) => Promise<TestsAnswer>,
): Promise<TestsPayload> {
  return await carryOut(
    payload,
    input.clientMutationId,
    async () => {
      const request = { tests: readTests(input.tests), command: commandOptions(input) };
      const { runId, items, count } = await act(request);
      return {
        workflowRun: WorkflowRun.from((await context.loaders.run.load(runId))!),
        items: await Promise.all(items.map(async (item) => await readItem(item, context))),
        count,
      };
    },
    { workflowRun: null, items: [], count: 0 },
  );
}

async function readItem(
  { place, outcome, error }: TestItem,
  { loaders }: RequestContext,
): Promise<TestCommandItem> {
  const test = place === null ? null : await loaders.test.load(place);
  return { testRun: test === null ? null : TestRun.from(test), outcome, error };
}
