import { Arg, Ctx, ID, Resolver, Root, Subscription } from "type-graphql";
import { encodeId, keyOf } from "../../domain/ids.ts";
import { followRunLogs, type RunLogsItem } from "../../logs/follow-run-logs.ts";
import type { RequestContext } from "../context.ts";
import { found, readable } from "../scope.ts";
import { readPosition, StreamMessage, StreamPositionInput } from "../types/stream.ts";
import { AFTER, toLogMessage, untilReturned, whileReadable } from "./subscriptions.ts";

interface RunLogsArgs {
  readonly workflowRunId: string;
  readonly after: StreamPositionInput;
}

@Resolver()
export class RunLogsSubscription {
  @Subscription(() => StreamMessage, {
    description:
      "The logs of all steps of a run, interleaved as they are written: of each attempt its lines in order, then its LogEnd. Messages are LogLines, LogGap, LogEnd, CaughtUp and Reset; those about a log name its step and attempt. Completes when the run has ended and every log is complete.",
    subscribe: async ({ args, context }) => await subscribe(args as RunLogsArgs, context as RequestContext),
  })
  runLogs(
    @Root() item: RunLogsItem,
    @Arg("workflowRunId", () => ID, {
      description: "The run. Error NOT_FOUND when it does not exist for the viewer.",
    })
    _workflowRunId: string,
    @Arg("after", () => StreamPositionInput, { description: AFTER }) _after: StreamPositionInput,
    @Ctx() _context: RequestContext,
  ): StreamMessage {
    const { runId, step, ...message } = item;
    return toLogMessage(message, step === null ? "" : encodeId("StepRun", runId, step));
  }
}

async function subscribe(
  args: RunLogsArgs,
  context: RequestContext,
): Promise<AsyncIterableIterator<RunLogsItem>> {
  const runId = keyOf("WorkflowRun", args.workflowRunId);
  const run = found(readable(context.viewer, runId === null ? null : await context.loaders.run.load(runId)));
  const sources = { ...context.engine, blobs: context.blobs };
  const request = { runId: run.id, after: readPosition(args.after) };
  return untilReturned((signal) => whileReadable(run, context, followRunLogs(sources, request, signal)));
}
