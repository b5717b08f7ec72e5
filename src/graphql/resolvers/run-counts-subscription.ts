import { setTimeout as pause } from "node:timers/promises";
import { Arg, Ctx, ID, Resolver, Root, Subscription } from "type-graphql";
import type { RunSelection } from "../../persistence/queries/run-counts.ts";
import { Bell } from "../../realtime/bell.ts";
import type { ChangeLog } from "../../realtime/change-log.ts";
import type { RequestContext } from "../context.ts";
import { countRunsBy, readGrouping } from "../run-counts.ts";
import { WorkflowRunCounts, WorkflowRunGroupByInput } from "../types/run-summaries.ts";
import { readRunFilter, WorkflowRunFilterInput } from "../types/workflow-run-filter.ts";
import { selectRuns } from "./run-summary-resolver.ts";
import { untilReturned } from "./subscriptions.ts";

/** Messages of all subscribers come in the same beat, so that those who ask for the same share the counting. */
const BEAT_MS = 1_000;
/** Counted anew also when nothing is heard: the viewer's rights may have changed. */
const LOOK_AGAIN_MS = 60_000;

interface CountsArgs {
  readonly projectId?: string | null;
  readonly filter?: WorkflowRunFilterInput | null;
  readonly groupBy?: WorkflowRunGroupByInput | null;
}

@Resolver()
export class RunCountsSubscription {
  @Subscription(() => WorkflowRunCounts, {
    description:
      "How many runs there are, at once and again when that has changed, at most once a second: of one project, or of all that the viewer may read. Each message is complete, so there is no position to resume from.",
    subscribe: async ({ args, context }) => await subscribe(args as CountsArgs, context as RequestContext),
  })
  workflowRunCountsChanged(
    @Root() counts: WorkflowRunCounts,
    @Ctx() _context: RequestContext,
    @Arg("projectId", () => ID, { nullable: true, description: "Only this project's, by id or slug." })
    _projectId?: string | null,
    @Arg("filter", () => WorkflowRunFilterInput, { nullable: true, description: "Only these." })
    _filter?: WorkflowRunFilterInput | null,
    @Arg("groupBy", () => WorkflowRunGroupByInput, { nullable: true, description: "Default: by status." })
    _groupBy?: WorkflowRunGroupByInput | null,
  ): WorkflowRunCounts {
    return counts;
  }
}

async function subscribe(
  { projectId, filter, groupBy }: CountsArgs,
  context: RequestContext,
): Promise<AsyncIterableIterator<WorkflowRunCounts>> {
  const grouping = readGrouping(groupBy);
  readRunFilter(filter ?? {});
  // Refuses a project that does not exist for the viewer; which runs are counted is asked anew each time.
  const select = async () => await selectRuns(context.later(), projectId, filter);
  await select();
  return untilReturned((signal) => countAgain({ context, select, grouping }, signal));
}

interface Counting {
  readonly context: RequestContext;
  readonly select: () => Promise<RunSelection>;
  readonly grouping: WorkflowRunGroupByInput;
}

async function* countAgain(
  counting: Counting,
  signal: AbortSignal,
): AsyncGenerator<WorkflowRunCounts, void, void> {
  let scope: ReadonlySet<string> = new Set();
  using log = await counting.context.changeFeed.follow();
  const bell = new Bell((ring) =>
    log.watch((items) => {
      const matters = items.some(({ changes }) => changes.some(({ projectId }) => scope.has(projectId)));
      if (matters || items.length === 0) ring();
    }),
  );
  try {
    for (let told = ""; !signal.aborted; ) {
      const beat = Math.floor(performance.now() / BEAT_MS);
      const selection = await counting.select();
      scope = new Set(selection.projectIds);
      const counts = await count(log, selection, counting);
      const text = JSON.stringify(counts);
      if (text !== told) yield counts;
      told = text;
      await bell.heard(LOOK_AGAIN_MS, signal);
      await restOf(beat, signal);
    }
  } finally {
    bell.close();
  }
}

async function count(
  log: ChangeLog,
  selection: RunSelection,
  { context, grouping }: Counting,
): Promise<WorkflowRunCounts> {
  const key = JSON.stringify([[...selection.projectIds].sort(), selection.filter, grouping]);
  return await log.derive(key, async () => await countRunsBy(context.engine.database, selection, grouping));
}

async function restOf(beat: number, signal: AbortSignal): Promise<void> {
  const rest = (beat + 1) * BEAT_MS - performance.now();
  if (rest > 0) await pause(rest, undefined, { signal }).catch(() => undefined);
}
