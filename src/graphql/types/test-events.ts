import { Ctx, Field, FieldResolver, InterfaceType, ObjectType, Resolver, Root } from "type-graphql";
import type { EventPayloads } from "../../domain/events.ts";
import type { TestReviewStatus, TestRunStatus } from "../../domain/tests.ts";
import type { RequestContext } from "../context.ts";
import { DateTime, Int, typeNameOf } from "../scalars.ts";
import { TestReviewStatusEnum, TestRunStatusEnum } from "../test-enums.ts";
import { RunEvent, stepOfEvent } from "./run-event-base.ts";
import { StepRun } from "./step-run.ts";
import { TestRun } from "./test-run.ts";

@ObjectType("TestsDiscovered", {
  implements: RunEvent,
  description: "A test step has tests that it did not have before: they are QUEUED.",
})
export class TestsDiscovered extends RunEvent {
  @Field(() => Int, { description: "How many are new." })
  count!: number;

  @Field(() => Int, { description: "How many the step has now." })
  total!: number;

  @Field(() => StepRun, { nullable: true, description: "The step as it is now." })
  stepRun?: StepRun | null;
}

@InterfaceType("TestEvent", {
  implements: RunEvent,
  description: "Something that happened to one test.",
  resolveType: typeNameOf,
})
export abstract class TestEvent extends RunEvent {
  @Field(() => String, { description: "The test's key." })
  testKey!: string;

  @Field(() => Int, { description: "The test's newest execution at that moment; 0 before its first." })
  attempt!: number;

  @Field(() => TestRun, { nullable: true, description: "The test as it is now." })
  testRun?: TestRun | null;

  @Field(() => StepRun, { nullable: true, description: "The step as it is now." })
  stepRun?: StepRun | null;
}

@ObjectType("TestStatusChanged", { implements: TestEvent, description: "A test has another status." })
export class TestStatusChanged extends TestEvent {
  @Field(() => TestRunStatusEnum, { description: "The test's status from here on." })
  testStatus!: TestRunStatus;
}

@ObjectType("TestReviewed", { implements: TestEvent, description: "Somebody reviewed a test." })
export class TestReviewed extends TestEvent {
  @Field(() => TestReviewStatusEnum, { description: "The review; the event's actor gave it." })
  reviewStatus!: TestReviewStatus;

  @Field(() => String, { nullable: true, description: "Why." })
  comment!: string | null;

  @Field(() => DateTime, { nullable: true, description: "When the waiver ends; null = never, or no waiver." })
  expiresAt!: Date | null;
}

export const TEST_EVENT_OBJECTS = [TestsDiscovered, TestStatusChanged, TestReviewed] as const;

/** What of the payloads the fields show. */
export const TEST_EVENT_MAKERS = {
  TestsDiscovered: ({ count, total }: EventPayloads["TestsDiscovered"]) =>
    Object.assign(new TestsDiscovered(), { count, total }),
  TestStatusChanged: ({ key, status, attempt }: EventPayloads["TestStatusChanged"]) =>
    Object.assign(new TestStatusChanged(), { testKey: key, testStatus: status, attempt }),
  TestReviewed: ({ key, attempt, review, comment, expiresAt }: EventPayloads["TestReviewed"]) =>
    Object.assign(new TestReviewed(), {
      testKey: key,
      attempt,
      reviewStatus: review,
      comment,
      expiresAt: expiresAt === null ? null : new Date(expiresAt),
    }),
};

@Resolver(() => TestEvent)
export class TestEventResolver {
  @FieldResolver(() => TestRun, { nullable: true })
  async testRun(@Root() { record }: TestEvent, @Ctx() { loaders }: RequestContext): Promise<TestRun | null> {
    const { runId, payload } = record;
    if (!("test" in payload)) return null;
    const test = await loaders.test.load({ runId, step: payload.step, index: payload.test });
    return test === null ? null : TestRun.from(test);
  }

  @FieldResolver(() => StepRun, { nullable: true })
  async stepRun(@Root() { record }: TestEvent, @Ctx() { loaders }: RequestContext): Promise<StepRun | null> {
    return await stepOfEvent(record, loaders);
  }
}

@Resolver(() => TestsDiscovered)
export class TestsDiscoveredResolver {
  @FieldResolver(() => StepRun, { nullable: true })
  async stepRun(
    @Root() { record }: TestsDiscovered,
    @Ctx() { loaders }: RequestContext,
  ): Promise<StepRun | null> {
    return await stepOfEvent(record, loaders);
  }
}
