import { Arg, Args, Ctx, ID, Query, Resolver } from "type-graphql";
import { countSteps, listSteps, type StepPosition } from "../../persistence/queries/step-list.ts";
import type { StepRecord } from "../../persistence/queries/steps.ts";
import { isKey, isMoment, isPosition } from "../connection.ts";
import type { RequestContext } from "../context.ts";
import { PagingArgs } from "../page-args.ts";
import { pageOf } from "../page-of.ts";
import { projectScope } from "../scope.ts";
import { StepRun, StepRunConnection } from "../types/step-run.ts";
import { readStepFilter, StepRunFilterInput } from "../types/step-run-filter.ts";

@Resolver()
export class StepListResolver {
  @Query(() => StepRunConnection, {
    description:
      "Steps of many runs: of one project, or of all that the viewer may read. Those of the newest run first, and of each run its last step first.",
  })
  async stepRuns(
    @Ctx() context: RequestContext,
    @Args(() => PagingArgs) args: PagingArgs,
    @Arg("projectId", () => ID, { nullable: true, description: "Only this project's, by id or slug." })
    projectId?: string | null,
    @Arg("filter", () => StepRunFilterInput, { nullable: true, description: "Only these." })
    filter?: StepRunFilterInput | null,
  ) {
    const { database } = context.engine;
    const projectIds = await projectScope(context, projectId);
    const conditions = readStepFilter(filter ?? {});
    return await pageOf(StepRunConnection, args, {
      name: JSON.stringify(["steps", projectId ?? null, conditions]),
      keyOf: ({ createdAt, runId, index }: StepRecord) => [createdAt.getTime(), runId, index],
      positionOf: stepPosition,
      read: async (window) => await listSteps(database, { projectIds, filter: conditions, ...window }),
      toItem: StepRun.from,
      count: async (cap) => await countSteps(database, projectIds, conditions, cap),
    });
  }
}

function stepPosition([createdAt, runId, index]: readonly unknown[]): StepPosition | null {
  if (!isMoment(createdAt) || !isKey(runId) || !isPosition(index)) return null;
  return { createdAt: new Date(createdAt), runId, index };
}
