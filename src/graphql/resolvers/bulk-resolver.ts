import {
  Arg,
  Args,
  Ctx,
  Field,
  FieldResolver,
  Mutation,
  ObjectType,
  Query,
  Resolver,
  Root,
} from "type-graphql";
import { abortBulkOperation, maySeeBulk } from "../../actions/abort-bulk-operation.ts";
import { keyOf } from "../../domain/ids.ts";
import {
  type BulkItemRecord,
  type BulkOperationRecord,
  type BulkPage,
  bulkItems,
  countBulkOperations,
  listBulkOperations,
} from "../../persistence/queries/bulk-operations.ts";
import { isKey, isMoment } from "../connection.ts";
import type { RequestContext } from "../context.ts";
import { AbortBulkOperationInput } from "../inputs/bulk-commands.ts";
import { keyIn } from "../inputs/selectors.ts";
import { ForwardArgs } from "../page-args.ts";
import { pageOf, positionIn } from "../page-of.ts";
import { ID } from "../scalars.ts";
import { found } from "../scope.ts";
import { Actor } from "../types/actor.ts";
import {
  BulkItem,
  BulkItemConnection,
  BulkOperation,
  BulkOperationConnection,
} from "../types/bulk-operation.ts";
import { WorkflowRun } from "../types/workflow-run.ts";
import { carryOut, MutationPayload } from "../user-errors.ts";
import { linkedRun } from "./run-links-resolver.ts";

@ObjectType("AbortBulkOperationPayload", {
  implements: MutationPayload,
  description: "What became of an abort.",
})
export class AbortBulkOperationPayload extends MutationPayload {
  @Field(() => BulkOperation, { nullable: true, description: "The operation as it is now." })
  bulkOperation!: BulkOperation | null;
}

@Resolver(() => BulkOperation)
export class BulkOperationResolver {
  @Query(() => BulkOperation, {
    nullable: true,
    description: "A bulk operation of the viewer's own. Error NOT_FOUND when it does not exist for them.",
  })
  async bulkOperation(
    @Arg("id", () => ID, { description: "Its id." }) id: string,
    @Ctx() { loaders, viewer }: RequestContext,
  ): Promise<BulkOperation> {
    const key = keyOf("BulkOperation", id);
    const record = found(key === null ? null : await loaders.bulkOperation.load(key));
    return BulkOperation.from(found(maySeeBulk(viewer, record) ? record : null));
  }

  @Query(() => BulkOperationConnection, { description: "The viewer's own bulk operations, newest first." })
  async bulkOperations(@Args(() => ForwardArgs) args: ForwardArgs, @Ctx() context: RequestContext) {
    const { viewer, engine } = context;
    const owner = { createdBy: viewer.accountId, onlyProjectId: viewer.onlyProjectId };
    return await pageOf(BulkOperationConnection, args, {
      name: "bulk operations",
      keyOf: ({ createdAt, id }: BulkOperationRecord) => [createdAt.getTime(), id],
      positionOf: operationPosition,
      read: async ({ from, limit }) =>
        await listBulkOperations(engine.database, { ...owner, after: from, limit }),
      toItem: BulkOperation.from,
      count: async (cap) => await countBulkOperations(engine.database, owner, cap),
    });
  }

  @Mutation(() => AbortBulkOperationPayload, {
    nullable: true,
    description:
      "Stops a bulk operation: what was done stays done, the rest is left alone. Legal while it is RUNNING; aborting it again changes nothing. Refusals: NotFound, InvalidState.",
  })
  async abortBulkOperation(
    @Arg("input", () => AbortBulkOperationInput, { description: "Which operation." })
    input: AbortBulkOperationInput,
    @Ctx() { engine, viewer, loaders }: RequestContext,
  ): Promise<AbortBulkOperationPayload> {
    return await carryOut(
      AbortBulkOperationPayload,
      input.clientMutationId,
      async () => {
        const key = keyIn("BulkOperation", input.bulkOperationId, "input.bulkOperationId");
        await abortBulkOperation(engine, viewer, key);
        return { bulkOperation: BulkOperation.from((await loaders.bulkOperation.load(key))!) };
      },
      { bulkOperation: null },
    );
  }

  @FieldResolver(() => Actor, { description: "Who asked for it." })
  async createdBy(@Root() { record }: BulkOperation, @Ctx() { loaders }: RequestContext): Promise<Actor> {
    return Actor.from(await loaders.account.load(record.createdBy));
  }

  @FieldResolver(() => BulkItemConnection, {
    description: "Its runs, in the order in which they have their turn.",
  })
  async items(
    @Root() { record }: BulkOperation,
    @Args(() => ForwardArgs) args: ForwardArgs,
    @Ctx() { engine }: RequestContext,
  ) {
    return await pageOf(BulkItemConnection, args, {
      name: `bulk items ${record.id}`,
      keyOf: ({ position }: BulkItemRecord) => [position],
      positionOf: positionIn,
      read: async ({ from, limit }) => await bulkItems(engine.database, record.id, from ?? 0, limit),
      toItem: BulkItem.from,
      count: async () => record.total,
    });
  }
}

@Resolver(() => BulkItem)
export class BulkItemResolver {
  @FieldResolver(() => WorkflowRun, {
    nullable: true,
    description: "The run as it is now; null when it is gone, or not the viewer's to see.",
  })
  async originalRun(
    @Root() { record }: BulkItem,
    @Ctx() context: RequestContext,
  ): Promise<WorkflowRun | null> {
    return await linkedRun(record?.runId ?? null, context);
  }

  @FieldResolver(() => WorkflowRun, { nullable: true, description: "The new run that a replay made." })
  async newRun(@Root() { record }: BulkItem, @Ctx() context: RequestContext): Promise<WorkflowRun | null> {
    return await linkedRun(record?.newRunId ?? null, context);
  }
}

function operationPosition([createdAt, id]: readonly unknown[]): BulkPage["after"] {
  return isMoment(createdAt) && isKey(id) ? { createdAt: new Date(createdAt), id } : null;
}
