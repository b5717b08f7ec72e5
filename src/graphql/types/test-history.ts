import { Field, ObjectType } from "type-graphql";
import type { TestSummaryRecord } from "../../persistence/queries/test-history.ts";
import type { TestPlace, TestRecord } from "../../persistence/queries/tests.ts";
import { Float, Int } from "../scalars.ts";
import { TestRun } from "./test-run.ts";

@ObjectType("TestSummary", { description: "One test over the runs of its workflow in a span of time." })
export class TestSummary {
  @Field(() => String, { description: "The test's key." })
  key!: string;

  @Field(() => Int, { description: "Runs in which it passed or failed." })
  runs!: number;

  @Field(() => Int, { description: "Runs in which it failed in the end." })
  failedRuns!: number;

  @Field(() => Int, { description: "Runs in which it passed after it had failed there." })
  flakyRuns!: number;

  @Field(() => Float, { nullable: true, description: "Average duration in milliseconds, where known." })
  averageMs!: number | null;

  @Field(() => Float, { nullable: true, description: "Longest duration in milliseconds, where known." })
  maxMs!: number | null;

  record!: TestSummaryRecord;

  static from(record: TestSummaryRecord): TestSummary {
    return Object.assign(new TestSummary(), { ...record, record });
  }
}

@ObjectType("TestComparison", { description: "One test in two runs, found by its key." })
export class TestComparison {
  @Field(() => String, { description: "The test's key." })
  key!: string;

  base!: TestPlace | null;
  head!: TestPlace | null;
}

/** How many tests a comparison lists of each kind. */
export const MAX_COMPARED = 100;
const AT_MOST = `By key; at most ${MAX_COMPARED}.`;

@ObjectType("TestRunsComparison", {
  description: "How the tests of two runs differ. FAILED, ERRORED and TIMED_OUT are failures.",
})
export class TestRunsComparison {
  @Field(() => [TestComparison], {
    description: `Fail in the head, and did not fail in the base. ${AT_MOST}`,
  })
  newFailures!: TestComparison[];

  @Field(() => Int, { description: "How many of these there are in all." })
  newFailureCount!: number;

  @Field(() => [TestComparison], { description: `Pass in the head and failed in the base. ${AT_MOST}` })
  fixed!: TestComparison[];

  @Field(() => Int, { description: "How many of these there are in all." })
  fixedCount!: number;

  @Field(() => [TestComparison], { description: `Fail in both. ${AT_MOST}` })
  stillFailing!: TestComparison[];

  @Field(() => Int, { description: "How many of these there are in all." })
  stillFailingCount!: number;

  @Field(() => [TestComparison], { description: `Only in the head, and do not fail there. ${AT_MOST}` })
  added!: TestComparison[];

  @Field(() => Int, { description: "How many of these there are in all." })
  addedCount!: number;

  @Field(() => [TestComparison], { description: `Only in the base. ${AT_MOST}` })
  removed!: TestComparison[];

  @Field(() => Int, { description: "How many of these there are in all." })
  removedCount!: number;
}

export function testOf(record: TestRecord | null): TestRun | null {
  return record === null ? null : TestRun.from(record);
}
