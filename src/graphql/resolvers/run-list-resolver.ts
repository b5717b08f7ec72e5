import type { GraphQLResolveInfo } from "graphql";
import { Arg, Args, Ctx, ID, Info, Query, Resolver } from "type-graphql";
import {
  countRuns,
  listRuns,
  positionOf,
  type RunOrder,
  type RunPosition,
} from "../../persistence/queries/run-list.ts";
import type { RunRecord } from "../../persistence/queries/runs.ts";
import { currentChangeCursor } from "../../realtime/change-cursors.ts";
import { isKey, isMoment } from "../connection.ts";
import type { RequestContext } from "../context.ts";
import { isSelected } from "../is-selected.ts";
import { PagingArgs } from "../page-args.ts";
import { pageOf } from "../page-of.ts";
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
    @Info() info: GraphQLResolveInfo,
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
    const conditions = readRunFilter(filter ?? {});
    const order: RunOrder = {
      field: orderBy?.field ?? "CREATED_AT",
      direction: orderBy?.direction ?? "DESC",
    };
    // Before the list: what is committed in between is told rather than missed.
    const eventCursor = isSelected(info, "eventCursor") ? await currentChangeCursor(database) : "";
    const page = await pageOf(WorkflowRunConnection, args, {
      name: JSON.stringify(["runs", projectId ?? null, conditions, order]),
      keyOf: (run: RunRecord) => {
        const { moment, id } = positionOf(run, order);
        return [moment?.getTime() ?? MISSING, id];
      },
      positionOf: runPosition,
      read: async (window) => await listRuns(database, { projectIds, filter: conditions, order, ...window }),
      toItem: WorkflowRun.from,
      count: async (cap) => await countRuns(database, projectIds, conditions, cap),
    });
    return Object.assign(page, { eventCursor });
  }
}

/** Stands in cursors for the moment of a run that has none. */
const MISSING = "";

function runPosition([moment, id]: readonly unknown[]): RunPosition | null {
  if (!isKey(id)) return null;
  if (moment === MISSING) return { moment: null, id };
  return isMoment(moment) ? { moment: new Date(moment), id } : null;
}
