import { Arg, Ctx, FieldResolver, ID, Resolver, Root, Subscription } from "type-graphql";
import { matchingAmong } from "../../persistence/queries/run-list.ts";
import type { ChangeStreamItem } from "../../realtime/follow-changes.ts";
import { type ChangeScopeArgs, changesWithin, subscribeToChanges } from "../change-scope.ts";
import type { RequestContext } from "../context.ts";
import { WorkflowRunChange, WorkflowRunsChanged } from "../types/list-changes.ts";
import { StreamMessage, StreamPositionInput } from "../types/stream.ts";
import { WorkflowRun } from "../types/workflow-run.ts";
import { readRunFilter, WorkflowRunFilterInput } from "../types/workflow-run-filter.ts";
import { AFTER_CHANGE, toEdgeMessage } from "./subscriptions.ts";

interface RunsChangedArgs extends ChangeScopeArgs {
  readonly filter?: WorkflowRunFilterInput | null;
}

@Resolver(() => WorkflowRunChange)
export class RunsChangedSubscription {
  @Subscription(() => StreamMessage, {
    description:
      "What happens to a list of runs: of one project, or of all that the viewer may read. Read `workflowRuns` with its `eventCursor`, subscribe behind that, and apply what comes. Messages are WorkflowRunsChanged, CaughtUp, Checkpoint and Reset. Whether a run matches is looked up when it is told: however often it changed meanwhile, how it is now counts.",
    subscribe: async ({ args, context }) => {
      const { filter, ...scope } = args as RunsChangedArgs;
      readRunFilter(filter ?? {});
      return await subscribeToChanges(scope, context as RequestContext);
    },
  })
  async workflowRunsChanged(
    @Root() item: ChangeStreamItem,
    @Ctx() context: RequestContext,
    @Arg("after", () => StreamPositionInput, { description: AFTER_CHANGE }) _after: StreamPositionInput,
    @Arg("projectId", () => ID, { nullable: true, description: "Only this project's, by id or slug." })
    _projectId: string | null,
    @Arg("filter", () => WorkflowRunFilterInput, {
      nullable: true,
      description: "Only these; every other run that changes is told as LEFT.",
    })
    filter?: WorkflowRunFilterInput | null,
  ): Promise<StreamMessage> {
    if (item.kind !== "CHANGES") return toEdgeMessage(item);
    const changed = changesWithin(item, context);
    const ids = changed.map(({ runId }) => runId);
    const matching = await matchingAmong(context.engine.database, ids, readRunFilter(filter ?? {}));
    const changes = changed.map(({ runId, created }) => {
      if (!matching.has(runId)) return WorkflowRunChange.of(runId, "LEFT");
      return WorkflowRunChange.of(runId, created ? "ENTERED" : "UPDATED");
    });
    return Object.assign(new WorkflowRunsChanged(), { cursor: item.cursor, changes });
  }

  @FieldResolver(() => WorkflowRun, {
    nullable: true,
    description: "The run as it is now; null when it was deleted.",
  })
  async workflowRun(
    @Root() { runId }: WorkflowRunChange,
    @Ctx() { loaders }: RequestContext,
  ): Promise<WorkflowRun | null> {
    const record = await loaders.run.load(runId);
    return record === null ? null : WorkflowRun.from(record);
  }
}
