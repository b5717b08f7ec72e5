import { Field, InputType } from "type-graphql";
import type { TestSelector } from "../../actions/command-tests.ts";
import { testPlaceOf } from "../../domain/ids.ts";
import { invalidValue, notFound } from "../../domain/refusals.ts";
import type { DiscoveredTest } from "../../domain/test-reports.ts";
import type { TestReviewStatus } from "../../domain/tests.ts";
import { RevisedCommandInput } from "../command-input.ts";
import { wellFormed } from "../resolvers/read-report.ts";
import { DateTime, ID, Json } from "../scalars.ts";
import { TestReviewStatusEnum } from "../test-enums.ts";
import { readTestFilter, TestRunFilterInput } from "../types/test-run-filter.ts";
import { readStep, StepCommandInput, StepRunSelectorInput } from "./selectors.ts";

const MAX_IDS = 250;

@InputType("MatchingTestRuns", { description: "The tests of a step that a filter matches, at most 10,000." })
export class MatchingTestRunsInput {
  @Field(() => StepRunSelectorInput, { description: "The step." })
  step!: StepRunSelectorInput;

  @Field(() => TestRunFilterInput, { nullable: true, description: "Which of its tests; null = all." })
  filter?: TestRunFilterInput | null;
}

@InputType("TestRunSelector", { description: "Which tests: exactly one of the two." })
export class TestRunSelectorInput {
  @Field(() => [ID], {
    nullable: true,
    description: `Ids of tests of one run, 1 to ${MAX_IDS}; each has an outcome of its own.`,
  })
  ids?: string[] | null;

  @Field(() => MatchingTestRunsInput, {
    nullable: true,
    description: "By a filter; those whose state does not allow it are left out.",
  })
  matching?: MatchingTestRunsInput | null;
}

/** A command to tests; its `revision` is that of their run. */
@InputType()
class TestsCommandInput extends RevisedCommandInput {
  @Field(() => TestRunSelectorInput, { description: "The tests." })
  tests!: TestRunSelectorInput;
}

export type { TestsCommandInput };

@InputType("RerunTestRunsInput", { description: "Which tests to execute again." })
export class RerunTestRunsInput extends TestsCommandInput {}

@InputType("AbortTestRunsInput", { description: "Which tests to stop." })
export class AbortTestRunsInput extends TestsCommandInput {
  @Field(() => String, { nullable: true, description: "Why, at most 500 characters; kept with the tests." })
  reason?: string | null;
}

@InputType("ReviewTestRunsInput", { description: "Which tests to review, and the review." })
export class ReviewTestRunsInput extends TestsCommandInput {
  @Field(() => TestReviewStatusEnum, { description: "The review." })
  status!: TestReviewStatus;

  @Field(() => String, { nullable: true, description: "Why, at most 2,000 characters." })
  comment?: string | null;

  @Field(() => DateTime, {
    nullable: true,
    description: "When a waiver ends: in the future, and for WAIVED only. Null = never.",
  })
  expiresAt?: Date | null;
}

@InputType("SubmittedTestInput", { description: "A test to execute." })
export class SubmittedTestInput {
  @Field(() => String, {
    description: "Its key, 1 to 500 characters: what the command gets as RUNCAST_TEST_ID.",
  })
  key!: string;

  @Field(() => String, {
    nullable: true,
    description: "Name to show, at most 500 characters; default: the key.",
  })
  name?: string | null;

  @Field(() => String, { nullable: true, description: "The suite it is part of, at most 500 characters." })
  suite?: string | null;

  @Field(() => String, { nullable: true, description: "The file it stands in, at most 500 characters." })
  file?: string | null;
}

@InputType("SubmitTestsInput", { description: "Which step is to execute which tests, and with what." })
export class SubmitTestsInput extends StepCommandInput {
  @Field(() => String, {
    nullable: true,
    description: "Reaches discovery and every test as RUNCAST_TEST_SUITE; at most 500 characters.",
  })
  testSuite?: string | null;

  @Field(() => [String], {
    nullable: true,
    description: "Reach discovery and every test as RUNCAST_RELEASE_IDS, with commas between; at most 100.",
  })
  releaseIds?: string[] | null;

  @Field(() => Json, {
    nullable: true,
    description:
      "Reaches discovery and every test as a JSON file, named by RUNCAST_TEST_CONFIGURATION: an object of at most 64 KiB.",
  })
  configuration?: unknown;

  @Field(() => [SubmittedTestInput], {
    nullable: true,
    description: "Only these are executed, 1 to 500; null = all that discovery finds.",
  })
  tests?: SubmittedTestInput[] | null;
}

@InputType("RediscoverTestsInput", { description: "Which step is to look for its tests again." })
export class RediscoverTestsInput extends StepCommandInput {}

const PATH = "input.tests";

export function readTests({ ids, matching }: TestRunSelectorInput): TestSelector {
  if (matching != null) {
    const step = readStep(matching.step);
    return { runId: step.runId, step, filter: readTestFilter(matching.filter) };
  }
  const places = ids!.map(testPlaceOf);
  if (places.length === 0 || places.length > MAX_IDS) throw invalidValue(PATH, `1 to ${MAX_IDS} ids`);
  const runs = new Set(places.flatMap((place) => (place === null ? [] : [place.runId])));
  const [runId] = runs;
  if (runId === undefined) throw notFound(PATH);
  if (runs.size > 1) throw invalidValue(PATH, "all tests must be of one run");
  return { runId, places };
}

export function readSubmitted(
  tests: readonly SubmittedTestInput[] | null | undefined,
): DiscoveredTest[] | null {
  if (tests == null) return null;
  return tests.map(({ key, name, suite, file }) => ({
    key: wellFormed(key),
    name: wellFormed(name ?? key),
    suite: suite == null ? null : wellFormed(suite),
    file: file == null ? null : wellFormed(file),
  }));
}
