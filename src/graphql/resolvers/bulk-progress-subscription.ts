import { Arg, Ctx, ID, Resolver, Root, Subscription } from "type-graphql";
import { maySeeBulk } from "../../actions/abort-bulk-operation.ts";
import { keyOf } from "../../domain/ids.ts";
import { type BulkStreamItem, followBulk } from "../../realtime/follow-bulk.ts";
import type { RequestContext } from "../context.ts";
import { objectNotFound } from "../errors.ts";
import { found } from "../scope.ts";
import { BulkOperation } from "../types/bulk-operation.ts";
import { BulkOperationProgressed } from "../types/progress-messages.ts";
import { readPosition, StreamMessage, StreamPositionInput } from "../types/stream.ts";
import { toEdgeMessage, untilReturned } from "./subscriptions.ts";

interface BulkProgressArgs {
  readonly id: string;
  readonly after: StreamPositionInput;
}

@Resolver()
export class BulkProgressSubscription {
  @Subscription(() => StreamMessage, {
    description:
      "How a bulk operation of the viewer's own gets on: as it is, and about every second as it is then, as long as it moves. Messages are BulkOperationProgressed, CaughtUp and Reset. Completes when the operation has ended.",
    subscribe: async ({ args, context }) =>
      await subscribe(args as BulkProgressArgs, context as RequestContext),
  })
  bulkOperationProgress(
    @Root() item: BulkStreamItem,
    @Ctx() _context: RequestContext,
    @Arg("id", () => ID, {
      description: "The operation. Error NOT_FOUND when it does not exist for the viewer.",
    })
    _id: string,
    @Arg("after", () => StreamPositionInput, {
      description:
        "Where to begin. `{at: START}` tells first how it is now; `{at: HEAD}` and a cursor tell only when it has come further.",
    })
    _after: StreamPositionInput,
  ): StreamMessage {
    if (item.kind !== "PROGRESS") return toEdgeMessage(item);
    const bulkOperation = BulkOperation.from(item.operation);
    return Object.assign(new BulkOperationProgressed(), { cursor: item.cursor, bulkOperation });
  }
}

async function subscribe(
  { id, after }: BulkProgressArgs,
  context: RequestContext,
): Promise<AsyncIterableIterator<BulkStreamItem>> {
  const key = keyOf("BulkOperation", id);
  const operation = found(key === null ? null : await context.loaders.bulkOperation.load(key));
  found(maySeeBulk(context.viewer, operation) ? operation : null);
  const request = { id: operation.id, after: readPosition(after) };
  return untilReturned(async function* (signal) {
    for await (const item of followBulk(context.engine.database, request, signal)) {
      if (!maySeeBulk(context.viewer, operation)) throw objectNotFound();
      yield item;
    }
  });
}
