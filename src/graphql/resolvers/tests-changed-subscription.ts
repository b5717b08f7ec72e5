import { Arg, Ctx, ID, Resolver, Root, Subscription } from "type-graphql";
import { placeOf } from "../../domain/ids.ts";
import type { EventRecord } from "../../persistence/queries/events.ts";
import type { TestPlace } from "../../persistence/queries/tests.ts";
import { followRun, type RunStreamItem } from "../../realtime/follow-run.ts";
import type { RunLogItem } from "../../realtime/followed-run.ts";
import type { RequestContext } from "../context.ts";
import { LiveSubscription } from "../live-subscription.ts";
import { found, mayRead, readable } from "../scope.ts";
import { TestRunsChanged } from "../types/progress-messages.ts";
import { readPosition, StreamMessage, StreamPositionInput } from "../types/stream.ts";
import { TestRun } from "../types/test-run.ts";
import { AFTER, toEdgeMessage } from "./subscriptions.ts";

interface TestsChangedArgs {
  readonly stepRunId: string;
  readonly after: StreamPositionInput;
}

@Resolver()
export class TestsChangedSubscription {
  @Subscription(() => StreamMessage, {
    description:
      "What happens to the tests of a step. Its cursors are those of the run's events: begin behind `WorkflowRun.eventCursor`. Messages are TestRunsChanged, CaughtUp, Checkpoint and Reset. Completes with the run's end.",
    subscribe: async ({ args, context }) =>
      await subscribe(args as TestsChangedArgs, context as RequestContext),
  })
  async testRunsChanged(
    @Root() item: RunStreamItem,
    @Ctx() { loaders }: RequestContext,
    @Arg("stepRunId", () => ID, {
      description: "The step. Error NOT_FOUND when it does not exist for the viewer.",
    })
    _stepRunId: string,
    @Arg("after", () => StreamPositionInput, { description: AFTER }) _after: StreamPositionInput,
  ): Promise<StreamMessage> {
    if (item.kind !== "EVENT") return toEdgeMessage(item);
    const tests = await loaders.test.loadMany(testsOf(item.event));
    const testRuns = tests.flatMap((test) => {
      if (test instanceof Error) throw test;
      return test === null ? [] : [TestRun.from(test)];
    });
    return Object.assign(new TestRunsChanged(), { cursor: item.cursor, seq: item.event.seq, testRuns });
  }
}

async function subscribe(
  { stepRunId, after }: TestsChangedArgs,
  context: RequestContext,
): Promise<LiveSubscription<RunLogItem, number>> {
  const place = placeOf("StepRun", stepRunId);
  const run = found(
    readable(context.viewer, place === null ? null : await context.loaders.run.load(place.runId)),
  );
  const { runId, index } = place!;
  found(await context.loaders.step.load({ runId, index }));
  const following = await followRun(context.runHub, {
    runId,
    after: readPosition(after),
    wants: ({ event }) => testsOf(event).some(({ step }) => step === index),
    until: "FINISHED",
  });
  return new LiveSubscription(following, (viewer) => mayRead(viewer, run.projectId), context);
}

/** The tests that an event is about: those that are discovered are numbered on from those before. */
function testsOf({ runId, type, payload }: EventRecord): TestPlace[] {
  if (type === "TestsDiscovered") {
    const { step, count, total } = payload;
    return Array.from({ length: count }, (_, i) => ({ runId, step, index: total - count + i }));
  }
  if (type !== "TestStatusChanged" && type !== "TestReviewed") return [];
  return [{ runId, step: payload.step, index: payload.test }];
}
