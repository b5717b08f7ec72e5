import { Arg, Args, Ctx, FieldResolver, ID, Query, Resolver, Root } from "type-graphql";
import { keyOf } from "../../domain/ids.ts";
import { countTestHistory, testHistory } from "../../persistence/queries/test-history.ts";
import {
  countStepTests,
  countTests,
  listStepTests,
  listTests,
  rankOf,
  type TestOrder,
  type TestPosition,
} from "../../persistence/queries/test-list.ts";
import type { TestPlace, TestRecord } from "../../persistence/queries/tests.ts";
import { isKey, isPosition } from "../connection.ts";
import type { RequestContext } from "../context.ts";
import { PagingArgs } from "../page-args.ts";
import { pageOf } from "../page-of.ts";
import { found, projectScope, readable } from "../scope.ts";
import { TestRunOrderEnum } from "../test-enums.ts";
import { StepRun } from "../types/step-run.ts";
import { TestRun, TestRunConnection } from "../types/test-run.ts";
import { readTestFilter, TestRunFilterInput } from "../types/test-run-filter.ts";

@Resolver(() => StepRun)
export class StepTestsResolver {
  @FieldResolver(() => TestRunConnection, { description: "Its tests; none unless it is a test step." })
  async testRuns(
    @Root() { record }: StepRun,
    @Ctx() { engine }: RequestContext,
    @Args(() => PagingArgs) args: PagingArgs,
    @Arg("filter", () => TestRunFilterInput, { nullable: true, description: "Only these." })
    filter?: TestRunFilterInput | null,
    @Arg("orderBy", () => TestRunOrderEnum, {
      defaultValue: "ORDER",
      description: "In which order. Statuses change: a list by STATUS may show a test twice or not at all.",
    })
    order: TestOrder = "ORDER",
  ) {
    const { database } = engine;
    const conditions = readTestFilter(filter);
    const place = { runId: record.runId, step: record.index };
    return await pageOf(TestRunConnection, args, {
      name: JSON.stringify(["step tests", place, conditions, order]),
      keyOf: (test: TestRecord) => [test.index, rankOf(test, order)],
      positionOf: stepPosition,
      read: async (window) =>
        await listStepTests(database, { ...place, filter: conditions, order, ...window }),
      toItem: TestRun.from,
      count: async (cap) => await countStepTests(database, place, conditions, cap),
    });
  }
}

@Resolver()
export class TestListResolver {
  @Query(() => TestRunConnection, {
    description:
      "Tests of many runs: of one project, or of all that the viewer may read. Those of the newest run first, and of each run its last test first.",
  })
  async testRuns(
    @Ctx() context: RequestContext,
    @Args(() => PagingArgs) args: PagingArgs,
    @Arg("projectId", () => ID, { nullable: true, description: "Only this project's, by id or slug." })
    projectId?: string | null,
    @Arg("workflowRunId", () => ID, {
      nullable: true,
      description: "Only of this run; an unknown one has none.",
    })
    workflowRunId?: string | null,
    @Arg("filter", () => TestRunFilterInput, { nullable: true, description: "Only these." })
    filter?: TestRunFilterInput | null,
  ) {
    const { database } = context.engine;
    const runId = workflowRunId == null ? null : keyOf("WorkflowRun", workflowRunId);
    const matchesNothing = workflowRunId != null && runId === null;
    const projectIds = await projectScope(context, projectId);
    const scope = { projectIds: matchesNothing ? [] : projectIds, runId, filter: readTestFilter(filter) };
    return await pageOf(TestRunConnection, args, {
      ...byPlace(JSON.stringify(["tests", projectId ?? null, workflowRunId ?? null, scope.filter])),
      read: async (window) => await listTests(database, { ...scope, ...window }),
      count: async (cap) => await countTests(database, scope, cap),
    });
  }

  @Query(() => TestRunConnection, {
    nullable: true,
    description:
      "One test in the runs of its workflow, the newest first; empty when it is not known there. Error NOT_FOUND when the workflow does not exist for the viewer.",
  })
  async testHistory(
    @Ctx() { engine, loaders, viewer }: RequestContext,
    @Args(() => PagingArgs) args: PagingArgs,
    @Arg("workflowId", () => ID, { description: "The workflow." }) workflowId: string,
    @Arg("key", () => String, { description: "The test's key." }) key: string,
  ) {
    const id = keyOf("Workflow", workflowId);
    const workflow = found(readable(viewer, id === null ? null : await loaders.workflow.load(id)));
    const { database } = engine;
    return await pageOf(TestRunConnection, args, {
      ...byPlace(JSON.stringify(["test history", workflow.id, key])),
      read: async (window) => await testHistory(database, { workflowId: workflow.id, key, ...window }),
      count: async (cap) => await countTestHistory(database, workflow.id, key, cap),
    });
  }
}

/** How lists of tests of many runs are paged. */
function byPlace(name: string) {
  return {
    name,
    keyOf: ({ runId, step, index }: TestRecord) => [runId, step, index],
    positionOf: ([runId, step, index]: readonly unknown[]): TestPlace | null =>
      isKey(runId) && isPosition(step) && isPosition(index) ? { runId, step, index } : null,
    toItem: TestRun.from,
  };
}

function stepPosition([index, rank]: readonly unknown[]): TestPosition | null {
  return isPosition(index) && typeof rank === "number" && Number.isFinite(rank) ? { index, rank } : null;
}
