import { Arg, Ctx, FieldResolver, ID, Int, Query, Resolver, Root } from "type-graphql";
import { keyOf } from "../../domain/ids.ts";
import {
  compareTests,
  flakyTests,
  slowestTests,
  type TestChange,
  type TestDifference,
  type TestSpan,
} from "../../persistence/queries/test-history.ts";
import type { RequestContext } from "../context.ts";
import { badInput } from "../errors.ts";
import { DateTime } from "../scalars.ts";
import { projectScope } from "../scope.ts";
import { WorkflowRunComparison } from "../types/run-comparison.ts";
import {
  MAX_COMPARED,
  TestComparison,
  TestRunsComparison,
  TestSummary,
  testOf,
} from "../types/test-history.ts";
import { TestRun } from "../types/test-run.ts";
import { Workflow } from "../types/workflow.ts";

const DEFAULT_DAYS = 14;
const DAY_MS = 24 * 60 * 60 * 1_000;
const MAX_TESTS = 100;
const PROJECT = "Only this project's, by id or slug.";
const WORKFLOW = "Only of this workflow; an unknown one has none.";
const SINCE = `Only runs made since then; default: the last ${DEFAULT_DAYS} days.`;
const FIRST = `How many at most: 1 to ${MAX_TESTS}.`;

@Resolver()
export class TestStatisticsResolver {
  @Query(() => [TestSummary], {
    description:
      "Tests that passed after they had failed in the same run, those with the most such runs first.",
  })
  async flakyTests(
    @Ctx() context: RequestContext,
    @Arg("projectId", () => ID, { nullable: true, description: PROJECT }) projectId?: string | null,
    @Arg("workflowId", () => ID, { nullable: true, description: WORKFLOW }) workflowId?: string | null,
    @Arg("since", () => DateTime, { nullable: true, description: SINCE }) since?: Date | null,
    @Arg("first", () => Int, { defaultValue: 20, description: FIRST }) first = 20,
  ): Promise<TestSummary[]> {
    const span = await spanOf(context, { projectId, workflowId, since, first });
    return (await flakyTests(context.engine.database, span)).map(TestSummary.from);
  }

  @Query(() => [TestSummary], { description: "The tests that take the longest on average, slowest first." })
  async slowestTests(
    @Ctx() context: RequestContext,
    @Arg("projectId", () => ID, { nullable: true, description: PROJECT }) projectId?: string | null,
    @Arg("workflowId", () => ID, { nullable: true, description: WORKFLOW }) workflowId?: string | null,
    @Arg("since", () => DateTime, { nullable: true, description: SINCE }) since?: Date | null,
    @Arg("first", () => Int, { defaultValue: 20, description: FIRST }) first = 20,
  ): Promise<TestSummary[]> {
    const span = await spanOf(context, { projectId, workflowId, since, first });
    return (await slowestTests(context.engine.database, span)).map(TestSummary.from);
  }
}

interface SpanArgs {
  readonly projectId: string | null | undefined;
  readonly workflowId: string | null | undefined;
  readonly since: Date | null | undefined;
  readonly first: number;
}

async function spanOf(
  context: RequestContext,
  { projectId, workflowId, since, first }: SpanArgs,
): Promise<TestSpan> {
  if (first < 1 || first > MAX_TESTS) throw badInput(`\`first\` must be between 1 and ${MAX_TESTS}`);
  const workflow = workflowId == null ? null : keyOf("Workflow", workflowId);
  const now = context.engine.clock.now().getTime();
  return {
    projectIds: await projectScope(context, projectId),
    workflowIds: workflowId == null ? null : workflow === null ? [] : [workflow],
    since: since ?? new Date(now - DEFAULT_DAYS * DAY_MS),
    limit: first,
  };
}

@Resolver(() => TestSummary)
export class TestSummaryResolver {
  @FieldResolver(() => TestRun, { nullable: true, description: "The test in the newest of these runs." })
  async newest(@Root() { record }: TestSummary, @Ctx() { loaders }: RequestContext): Promise<TestRun | null> {
    return testOf(await loaders.test.load(record.newest));
  }

  @FieldResolver(() => Workflow, { nullable: true, description: "The workflow whose test it is." })
  async workflow(
    @Root() { record }: TestSummary,
    @Ctx() { loaders }: RequestContext,
  ): Promise<Workflow | null> {
    const workflow = await loaders.workflow.load(record.workflowId);
    return workflow === null ? null : Workflow.from(workflow);
  }
}

@Resolver(() => TestComparison)
export class TestComparisonResolver {
  @FieldResolver(() => TestRun, {
    nullable: true,
    description: "The test in the base; null when it has none.",
  })
  async base(@Root() { base }: TestComparison, @Ctx() { loaders }: RequestContext): Promise<TestRun | null> {
    return base === null ? null : testOf(await loaders.test.load(base));
  }

  @FieldResolver(() => TestRun, {
    nullable: true,
    description: "The test in the head; null when it has none.",
  })
  async head(@Root() { head }: TestComparison, @Ctx() { loaders }: RequestContext): Promise<TestRun | null> {
    return head === null ? null : testOf(await loaders.test.load(head));
  }
}

@Resolver(() => WorkflowRunComparison)
export class RunTestsComparisonResolver {
  @FieldResolver(() => TestRunsComparison, {
    description: "Their tests, found by key in all of their steps.",
  })
  async tests(
    @Root() { base, head }: WorkflowRunComparison,
    @Ctx() { engine }: RequestContext,
  ): Promise<TestRunsComparison> {
    const differences = await compareTests(engine.database, base.record.id, head.record.id, MAX_COMPARED);
    const of = (change: TestChange) => differences.filter((difference) => difference.change === change);
    return Object.assign(new TestRunsComparison(), {
      ...listed("newFailures", "newFailureCount", of("NEW_FAILURE")),
      ...listed("fixed", "fixedCount", of("FIXED")),
      ...listed("stillFailing", "stillFailingCount", of("STILL_FAILING")),
      ...listed("added", "addedCount", of("ADDED")),
      ...listed("removed", "removedCount", of("REMOVED")),
    });
  }
}

function listed(list: string, count: string, differences: readonly TestDifference[]) {
  const tests = differences.map(({ key, base, head }) =>
    Object.assign(new TestComparison(), { key, base, head }),
  );
  return { [list]: tests, [count]: differences[0]?.count ?? 0 };
}
