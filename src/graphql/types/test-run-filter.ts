import { Field, InputType } from "type-graphql";
import type { TestRegression, TestReviewStatus, TestRunStatus } from "../../domain/tests.ts";
import type { TestFilter } from "../../persistence/queries/test-list.ts";
import { badInput } from "../errors.ts";
import { TestRegressionEnum, TestReviewStatusEnum, TestRunStatusEnum } from "../test-enums.ts";
import { checkLength } from "./ranges.ts";

const MAX_SEARCH = 200;

@InputType("TestRunFilter", {
  description:
    "Which tests: all conditions that are given must hold. A list that is null asks for nothing, an empty list matches nothing.",
})
export class TestRunFilterInput {
  @Field(() => [TestRunStatusEnum], { nullable: true, description: "Only tests in one of these statuses." })
  status?: TestRunStatus[] | null;

  @Field(() => [TestReviewStatusEnum], {
    nullable: true,
    description: "Only tests whose newest review is one of these.",
  })
  review?: TestReviewStatus[] | null;

  @Field(() => [TestRegressionEnum], { nullable: true, description: "Only tests with one of these." })
  regression?: TestRegression[] | null;

  @Field(() => String, {
    nullable: true,
    description: `Only tests with this in their key or name, in upper or lower case. At most ${MAX_SEARCH} characters.`,
  })
  search?: string | null;

  @Field(() => String, { nullable: true, description: "Only tests of this suite." })
  suite?: string | null;

  @Field(() => Boolean, {
    defaultValue: false,
    description: "Only tests that are FAILED, ERRORED or TIMED_OUT.",
  })
  onlyFailing?: boolean;
}

export function readTestFilter(input: TestRunFilterInput | null | undefined): TestFilter {
  const { status, review, regression, search, suite, onlyFailing } = input ?? {};
  if (search != null && search.length > MAX_SEARCH) {
    throw badInput(`\`filter.search\` takes at most ${MAX_SEARCH} characters`);
  }
  return {
    status: checkLength("filter.status", status ?? null),
    review: checkLength("filter.review", review ?? null),
    regression: checkLength("filter.regression", regression ?? null),
    search: search ?? null,
    suite: suite ?? null,
    onlyFailing: onlyFailing ?? false,
  };
}
