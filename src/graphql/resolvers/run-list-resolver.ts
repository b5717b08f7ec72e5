import { Arg, Args, Ctx, ID, Query, Resolver } from "type-graphql";
import {
  countRuns,
  listRuns,
  positionOf,
  type RunOrder,
  type RunPosition,
} from "../../persistence/queries/run-list.ts";
import {
  foreignCursor,
  isKey,
  isMoment,
  listCursor,
  readListCursor,
  readPage,
  toConnection,
} from "../connection.ts";
import type { RequestContext } from "../context.ts";
import { PagingArgs } from "../page-args.ts";
import { projectScope } from "../scope.ts";
import { WorkflowRun, WorkflowRunConnection } from "../types/workflow-run.ts";
import { readRunFilter, WorkflowRunFilterInput } from "../types/workflow-run-filter.ts";
import { WorkflowRunOrderInput } from "../types/workflow-run-order.ts";

@Resolver()
export class RunListResolver {
  @Query(() => WorkflowRunConnection, {
    description: "Runs: of one project, or of all that the viewer may read. Newest first by default.",
  })
  async workflowRuns(
    @Ctx() context: RequestContext,
    @Args(() => PagingArgs) args: PagingArgs,
    @Arg("projectId", () => ID, { nullable: true, description: "Only this project's, by id or slug." })
    projectId?: string | null,
    @Arg("filter", () => WorkflowRunFilterInput, { nullable: true, description: "Only these." })
    filter?: WorkflowRunFilterInput | null,
    @Arg("orderBy", () => WorkflowRunOrderInput, {
      nullable: true,
      description: "Default: by creation, newest first.",
    })
    orderBy?: WorkflowRunOrderInput | null,
  ) {
    const { database } = context.engine;
    const projectIds = await projectScope(context, projectId);
    const page = readPage(args);
    const conditions = readRunFilter(filter ?? {});
    const order: RunOrder = {
      field: orderBy?.field ?? "CREATED_AT",
      direction: orderBy?.direction ?? "DESC",
    };
    const list = JSON.stringify(["runs", projectId ?? null, conditions, order]);
    const rows = await listRuns(database, {
      projectIds,
      filter: conditions,
      order,
      backward: page.backward,
      from: page.from === null ? null : runPosition(list, page.from),
      limit: page.limit + 1,
      offset: page.offset,
    });
    return Object.assign(
      new WorkflowRunConnection(),
      toConnection(
        rows,
        page,
        (row) => {
          const { moment, id } = positionOf(row, order);
          return listCursor(list, [moment?.getTime() ?? MISSING, id]);
        },
        WorkflowRun.from,
        async (cap) => await countRuns(database, projectIds, conditions, cap),
      ),
    );
  }
}

/** Stands in cursors for the moment of a run that has none. */
const MISSING = "";

function runPosition(list: string, cursor: string): RunPosition {
  const [moment, id] = readListCursor(list, cursor);
  if (!isKey(id)) throw foreignCursor();
  if (moment === MISSING) return { moment: null, id };
  if (!isMoment(moment)) throw foreignCursor();
  return { moment: new Date(moment), id };
}
