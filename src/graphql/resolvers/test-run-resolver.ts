import { Ctx, FieldResolver, Resolver, Root } from "type-graphql";
import { TEST_ACTIONS, type TestAction, testedRunObstacle, testObstacle } from "../../domain/legal.ts";
import { NO_TESTS, type TestCounts } from "../../persistence/queries/test-counts.ts";
import { isWaived } from "../../persistence/queries/tests.ts";
import type { RequestContext } from "../context.ts";
import { Actor } from "../types/actor.ts";
import { Capability, capability } from "../types/capability.ts";
import { StepRun } from "../types/step-run.ts";
import { TestAttempt, TestReview, TestRun, TestRunCounts } from "../types/test-run.ts";
import { WorkflowRun } from "../types/workflow-run.ts";

@Resolver(() => TestRun)
export class TestRunResolver {
  @FieldResolver(() => Boolean, {
    description:
      "Somebody waived the test, in this or another run of the workflow, and the waiver holds now.",
  })
  waived(@Root() { record }: TestRun, @Ctx() { engine }: RequestContext): boolean {
    return isWaived(record, engine.clock.now());
  }

  @FieldResolver(() => [TestAttempt], { description: "Its executions that have ended, oldest first." })
  async attempts(@Root() { record }: TestRun, @Ctx() { loaders }: RequestContext): Promise<TestAttempt[]> {
    return (await loaders.attemptsOfTest.load(record)).map(TestAttempt.from);
  }

  @FieldResolver(() => StepRun, { description: "The step it is part of." })
  async stepRun(@Root() { record }: TestRun, @Ctx() { loaders }: RequestContext): Promise<StepRun> {
    return StepRun.from((await loaders.step.load({ runId: record.runId, index: record.step }))!);
  }

  @FieldResolver(() => WorkflowRun, { description: "The run it is part of." })
  async workflowRun(@Root() { record }: TestRun, @Ctx() { loaders }: RequestContext): Promise<WorkflowRun> {
    return WorkflowRun.from((await loaders.run.load(record.runId))!);
  }

  @FieldResolver(() => [Capability], {
    description: "What the viewer may do with it now: one entry for every mutation that takes it.",
  })
  async can(@Root() { record }: TestRun, @Ctx() { viewer, loaders }: RequestContext): Promise<Capability[]> {
    const run = (await loaders.run.load(record.runId))!;
    const step = (await loaders.step.load({ runId: record.runId, index: record.step }))!;
    return (Object.keys(TEST_ACTIONS) as TestAction[]).map((action) => {
      const obstacle = testedRunObstacle(action, run) ?? testObstacle(action, step, record);
      return capability(viewer, run.projectId, action, obstacle?.message ?? null);
    });
  }
}

@Resolver(() => TestReview)
export class TestReviewResolver {
  @FieldResolver(() => Actor, { description: "Who said it." })
  async by(@Root() { reviewerId }: TestReview, @Ctx() { loaders }: RequestContext): Promise<Actor> {
    return Actor.from(await loaders.account.load(reviewerId));
  }
}

const COUNTS = "How many tests stand where; all 0 without tests.";

@Resolver(() => StepRun)
export class StepTestCountsResolver {
  @FieldResolver(() => TestRunCounts, { description: COUNTS })
  async testRunCounts(
    @Root() { record }: StepRun,
    @Ctx() { loaders }: RequestContext,
  ): Promise<TestRunCounts> {
    return countsOf(await loaders.testCountsOfStep.load(record));
  }
}

@Resolver(() => WorkflowRun)
export class RunTestCountsResolver {
  @FieldResolver(() => TestRunCounts, { description: COUNTS })
  async testRunCounts(
    @Root() { record }: WorkflowRun,
    @Ctx() { loaders }: RequestContext,
  ): Promise<TestRunCounts> {
    return countsOf(await loaders.testCountsOfRun.load(record.id));
  }
}

function countsOf(counts: TestCounts | null): TestRunCounts {
  return Object.assign(new TestRunCounts(), counts ?? NO_TESTS);
}
