import { Arg, Ctx, ID, Query, Resolver } from "type-graphql";
import { groupBy } from "../../domain/group-by.ts";
import type { RunSelection } from "../../persistence/queries/run-counts.ts";
import { type FacetRow, runFacets } from "../../persistence/queries/run-facets.ts";
import { runStatistics, type StatsBucket } from "../../persistence/queries/run-stats.ts";
import type { RequestContext } from "../context.ts";
import { StatsBucketEnum } from "../enums.ts";
import { badInput } from "../errors.ts";
import { countRunsBy, readGrouping } from "../run-counts.ts";
import { projectScope } from "../scope.ts";
import { checkTimeZone } from "../time-zone.ts";
import { Actor } from "../types/actor.ts";
import {
  WorkflowRunCounts,
  WorkflowRunFacets,
  WorkflowRunGroupByInput,
  WorkflowRunStats,
} from "../types/run-summaries.ts";
import { readRunFilter, WorkflowRunFilterInput } from "../types/workflow-run-filter.ts";

const MAX_BUCKETS = 1_000;
const MAX_FACETS = 50;

@Resolver()
export class RunSummaryResolver {
  @Query(() => WorkflowRunCounts, {
    description: "How many runs there are: of one project, or of all that the viewer may read.",
  })
  async workflowRunCounts(
    @Ctx() context: RequestContext,
    @Arg("projectId", () => ID, { nullable: true, description: "Only this project's, by id or slug." })
    projectId?: string | null,
    @Arg("filter", () => WorkflowRunFilterInput, { nullable: true, description: "Only these." })
    filter?: WorkflowRunFilterInput | null,
    @Arg("groupBy", () => WorkflowRunGroupByInput, { nullable: true, description: "Default: by status." })
    groupBy?: WorkflowRunGroupByInput | null,
  ): Promise<WorkflowRunCounts> {
    const grouping = readGrouping(groupBy);
    return await countRunsBy(context.engine.database, await selectRuns(context, projectId, filter), grouping);
  }

  @Query(() => WorkflowRunStats, {
    description: "How runs ended and how long they took: of one project, or of all that the viewer may read.",
  })
  async workflowRunStats(
    @Ctx() context: RequestContext,
    @Arg("projectId", () => ID, { nullable: true, description: "Only this project's, by id or slug." })
    projectId?: string | null,
    @Arg("filter", () => WorkflowRunFilterInput, { nullable: true, description: "Only these." })
    filter?: WorkflowRunFilterInput | null,
    @Arg("bucket", () => StatsBucketEnum, { defaultValue: "DAY", description: "How long each span is." })
    bucket?: StatsBucket,
    @Arg("timeZone", () => String, {
      defaultValue: "UTC",
      description: "IANA name of the time zone in which days and weeks begin.",
    })
    timeZone?: string,
  ): Promise<WorkflowRunStats> {
    const zone = checkTimeZone(timeZone ?? "UTC", "timeZone");
    const selection = await selectRuns(context, projectId, filter);
    const by = { bucket: bucket ?? "DAY", timeZone: zone, limit: MAX_BUCKETS + 1 };
    const [all, ...buckets] = await runStatistics(context.engine.database, selection, by);
    if (buckets.length > MAX_BUCKETS)
      throw badInput(`the runs fill more than ${MAX_BUCKETS} spans: bound \`filter.created\``);
    return WorkflowRunStats.from(all!, buckets);
  }

  @Query(() => WorkflowRunFacets, {
    description: "What runs differ in: of one project, or of all that the viewer may read.",
  })
  async workflowRunFacets(
    @Ctx() context: RequestContext,
    @Arg("projectId", () => ID, { nullable: true, description: "Only this project's, by id or slug." })
    projectId?: string | null,
    @Arg("filter", () => WorkflowRunFilterInput, { nullable: true, description: "Only these." })
    filter?: WorkflowRunFilterInput | null,
  ): Promise<WorkflowRunFacets> {
    const selection = await selectRuns(context, projectId, filter);
    const rows = await runFacets(context.engine.database, selection, MAX_FACETS);
    const authors = rows.filter(({ kind }) => kind === "AUTHOR");
    return Object.assign(new WorkflowRunFacets(), {
      branches: rows.filter(({ kind }) => kind === "BRANCH"),
      authors: await Promise.all(
        authors.map(async ({ value, count }) => ({
          actor: Actor.from(await context.loaders.account.load(value)),
          count,
        })),
      ),
      labels: labelFacets(rows.filter(({ kind }) => kind === "LABEL")),
    });
  }
}

export async function selectRuns(
  context: RequestContext,
  projectId: string | null | undefined,
  filter: WorkflowRunFilterInput | null | undefined,
): Promise<RunSelection> {
  return { projectIds: await projectScope(context, projectId), filter: readRunFilter(filter ?? {}) };
}

function labelFacets(rows: readonly FacetRow[]) {
  return [...groupBy(rows, ({ key }) => key!)].map(([key, values]) => ({
    key,
    count: values[0]!.keyCount,
    values,
  }));
}
