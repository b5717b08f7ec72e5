import { Arg, Args, Ctx, ID, Query, Resolver } from "type-graphql";
import { countSteps, listSteps, type StepPosition } from "../../persistence/queries/step-list.ts";
import {
  foreignCursor,
  isKey,
  isMoment,
  isPosition,
  listCursor,
  readListCursor,
  readPage,
  toConnection,
} from "../connection.ts";
import type { RequestContext } from "../context.ts";
import { PagingArgs } from "../page-args.ts";
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
    const page = readPage(args);
    const conditions = readStepFilter(filter ?? {});
    const list = JSON.stringify(["steps", projectId ?? null, conditions]);
    const rows = await listSteps(database, {
      projectIds,
      filter: conditions,
      backward: page.backward,
      from: page.from === null ? null : stepPosition(list, page.from),
      limit: page.limit + 1,
      offset: page.offset,
    });
    return Object.assign(
      new StepRunConnection(),
      toConnection(
        rows,
        page,
        ({ createdAt, runId, index }) => listCursor(list, [createdAt.getTime(), runId, index]),
        StepRun.from,
        async (cap) => await countSteps(database, projectIds, conditions, cap),
      ),
    );
  }
}

function stepPosition(list: string, cursor: string): StepPosition {
  const [createdAt, runId, index] = readListCursor(list, cursor);
  if (!isMoment(createdAt) || !isKey(runId) || !isPosition(index)) throw foreignCursor();
  return { createdAt: new Date(createdAt), runId, index };
}
