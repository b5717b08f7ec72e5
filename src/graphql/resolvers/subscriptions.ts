import { Arg, ID, Int, Resolver, Root, Subscription } from "type-graphql";
import type { RunEventType } from "../../domain/events.ts";
import { keyOf, placeOf } from "../../domain/ids.ts";
import { followLog, type LogStreamItem } from "../../logs/follow-log.ts";
import type { LogEntry } from "../../logs/followed-log.ts";
import type { LogMessage } from "../../logs/log-start.ts";
import { findTombstone } from "../../persistence/queries/events.ts";
import { followRun, ofTypes, type RunStreamItem } from "../../realtime/follow-run.ts";
import type { RunLogItem } from "../../realtime/followed-run.ts";
import type { EdgeItem } from "../../realtime/live-log.ts";
import type { RequestContext } from "../context.ts";
import { RunEventTypeEnum, RunStreamEndEnum } from "../enums.ts";
import { badInput, objectNotFound } from "../errors.ts";
import { LiveSubscription } from "../live-subscription.ts";
import { found, mayRead, readable } from "../scope.ts";
import { toRunEvent } from "../types/run-event.ts";
import { LogEnd, LogGap, LogLines } from "../types/step-log.ts";
import {
  CaughtUp,
  Checkpoint,
  Reset,
  readPosition,
  StreamMessage,
  StreamPositionInput,
} from "../types/stream.ts";

export const AFTER =
  "Where to begin. `{at: START}` sends the whole history first; a cursor continues behind its message.";

export const AFTER_CHANGE =
  "Where to begin: best behind the `eventCursor` of the list. `{at: START}` sends the changes that are kept, at least those of a day; a cursor continues behind its message.";

@Resolver()
export class Subscriptions {
  @Subscription(() => StreamMessage, {
    description:
      "What happens to a run: its stored events from a position on, CaughtUp, then each new event as it is committed. Messages are RunEvent types, CaughtUp and Reset. Completes with the run's end.",
    subscribe: async ({ args, context }) =>
      await subscribeRunEvents(args as RunEventsArgs, context as RequestContext),
  })
  runEvents(
    @Root() item: RunStreamItem,
    @Arg("workflowRunId", () => ID, {
      description: "The run. Error NOT_FOUND when it does not exist for the viewer.",
    })
    _workflowRunId: string,
    @Arg("after", () => StreamPositionInput, { description: AFTER }) _after: StreamPositionInput,
    @Arg("types", () => [RunEventTypeEnum], {
      nullable: true,
      description: "Only events of these types; null = all.",
    })
    _types: RunEventType[] | null,
    @Arg("until", () => RunStreamEndEnum, {
      defaultValue: "FINISHED",
      description: "How long the stream lasts.",
    })
    _until: "FINISHED" | "DELETED",
  ): StreamMessage {
    return item.kind === "EVENT" ? toRunEvent(item.event, item.cursor) : toEdgeMessage(item);
  }

  @Subscription(() => StreamMessage, {
    description:
      "The log of one attempt of a step: stored lines from a position on, CaughtUp, then new lines as they are written. Messages are LogLines, LogGap, LogEnd, CaughtUp and Reset; with `grep`, LogLines without lines say from time to time how far it has come. Completes with LogEnd.",
    subscribe: async ({ args, context }) =>
      await subscribeStepLogs(args as StepLogsArgs, context as RequestContext),
  })
  stepLogs(
    @Root() item: LogStreamItem,
    @Arg("stepRunId", () => ID, {
      description: "The step. Error NOT_FOUND when it does not exist for the viewer.",
    })
    stepRunId: string,
    @Arg("after", () => StreamPositionInput, { description: AFTER }) _after: StreamPositionInput,
    @Arg("attempt", () => Int, {
      nullable: true,
      description: "Which attempt, from 1; null = the newest, or the first once it starts.",
    })
    _attempt: number | null,
    @Arg("grep", () => String, {
      nullable: true,
      description: "Only lines that contain this text, taken literally.",
    })
    _grep: string | null,
  ): StreamMessage {
    return toLogMessage(item, stepRunId);
  }
}

interface RunEventsArgs {
  readonly workflowRunId: string;
  readonly after: StreamPositionInput;
  readonly types?: RunEventType[] | null;
  readonly until: "FINISHED" | "DELETED";
}

interface StepLogsArgs {
  readonly stepRunId: string;
  readonly after: StreamPositionInput;
  readonly attempt?: number | null;
  readonly grep?: string | null;
}

async function subscribeRunEvents(
  args: RunEventsArgs,
  context: RequestContext,
): Promise<LiveSubscription<RunLogItem, number>> {
  const runId = keyOf("WorkflowRun", args.workflowRunId);
  const run = found(readable(context.viewer, runId === null ? null : await runOrTombstone(context, runId)));
  const following = await followRun(context.runHub, {
    runId: runId!,
    after: readPosition(args.after),
    wants: ofTypes(args.types ?? null),
    until: args.until,
  });
  // Not the whole run: a subscription may last for days.
  const { projectId } = run;
  return new LiveSubscription(following, (viewer) => mayRead(viewer, projectId), context);
}

/** Whoever resumes the stream of a run that was deleted meanwhile is told so by its last event. */
async function runOrTombstone({ loaders, engine }: RequestContext, runId: string) {
  return (await loaders.run.load(runId)) ?? (await findTombstone(engine.database, runId));
}

async function subscribeStepLogs(
  args: StepLogsArgs,
  context: RequestContext,
): Promise<LiveSubscription<LogEntry, number>> {
  const place = placeOf("StepRun", args.stepRunId);
  const run = found(
    readable(context.viewer, place === null ? null : await context.loaders.run.load(place.runId)),
  );
  const { runId, index } = place!;
  found(await context.loaders.step.load({ runId, index }));
  const attempt = args.attempt ?? null;
  if (attempt !== null && attempt < 1) throw badInput("`attempt` counts from 1");
  const request = { runId, step: index, attempt, after: readPosition(args.after), grep: args.grep ?? null };
  const following = await followLog(context.logHub, context.engine.database, request);
  const { projectId } = run;
  return new LiveSubscription(following, (viewer) => mayRead(viewer, projectId), context);
}

export function toLogMessage(item: LogMessage | EdgeItem, stepRunId: string): StreamMessage {
  const { kind, ...fields } = item;
  if (kind === "LINES") return Object.assign(new LogLines(), fields, { stepRunId });
  if (kind === "GAP") return Object.assign(new LogGap(), fields, { stepRunId });
  if (kind === "END") return Object.assign(new LogEnd(), fields, { stepRunId });
  return toEdgeMessage(item as EdgeItem);
}

export function toEdgeMessage(item: EdgeItem): StreamMessage {
  const { kind, cursor } = item;
  if (kind === "RESET") return Object.assign(new Reset(), { cursor, reason: item.reason });
  return Object.assign(kind === "CHECKPOINT" ? new Checkpoint() : new CaughtUp(), { cursor });
}

/** Who loses their membership while they listen hears nothing more: to them the object is gone. */
export async function* whileReadable<Item>(
  { projectId }: { readonly projectId: string },
  context: RequestContext,
  items: AsyncGenerator<Item, void, void>,
): AsyncGenerator<Item, void, void> {
  for await (const item of items) {
    if (!mayRead(context.viewer, projectId)) throw objectNotFound();
    yield item;
  }
}

/**
 * A generator that waits does not notice `return()`: its `finally` would run only with the next event, if ever.
 * So the wait is aborted first.
 */
export function untilReturned<Item>(
  start: (signal: AbortSignal) => AsyncGenerator<Item, void, void>,
): AsyncIterableIterator<Item> {
  const ended = new AbortController();
  const items = start(ended.signal);
  return {
    next: async () => await items.next(),
    async return() {
      ended.abort();
      await items.return();
      return { done: true, value: undefined };
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}
