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
  type BulkPage,
  bulkItems,
  countBulkOperations,
  listBulkOperations,
} from "../../persistence/queries/bulk-operations.ts";
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
import { AbortBulkOperationInput } from "../inputs/bulk-commands.ts";
import { keyIn } from "../inputs/selectors.ts";
import { ForwardArgs } from "../page-args.ts";
import { ID } from "../scalars.ts";
import { found, readable } from "../scope.ts";
import { Actor } from "../types/actor.ts";
import {
  BulkItem,
  BulkItemConnection,
  BulkOperation,
  BulkOperationConnection,
} from "../types/bulk-operation.ts";
import { WorkflowRun } from "../types/workflow-run.ts";
import { carryOut, MutationPayload } from "../user-errors.ts";

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
    const page = readPage(args);
    const list = "bulk operations";
    const owner = { createdBy: viewer.accountId, onlyProjectId: viewer.onlyProjectId };
    const after = page.from === null ? null : positionIn(list, page.from);
    const rows = await listBulkOperations(engine.database, { ...owner, after, limit: page.limit + 1 });
    return Object.assign(
      new BulkOperationConnection(),
      toConnection(
        rows,
        page,
        (row) => listCursor(list, [row.createdAt.getTime(), row.id]),
        BulkOperation.from,
        async (cap) => await countBulkOperations(engine.database, owner, cap),
      ),
    );
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
    const page = readPage(args);
    const list = `bulk items ${record.id}`;
    const [after = 0] = page.from === null ? [] : readListCursor(list, page.from);
    if (!isPosition(after)) throw foreignCursor();
    const rows = await bulkItems(engine.database, record.id, after, page.limit + 1);
    return Object.assign(
      new BulkItemConnection(),
      toConnection(
        rows,
        page,
        (row) => listCursor(list, [row.position]),
        BulkItem.from,
        async () => record.total,
      ),
    );
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
    return await readRun(record?.runId ?? null, context);
  }

  @FieldResolver(() => WorkflowRun, { nullable: true, description: "The new run that a replay made." })
  async newRun(@Root() { record }: BulkItem, @Ctx() context: RequestContext): Promise<WorkflowRun | null> {
    return await readRun(record?.newRunId ?? null, context);
  }
}

async function readRun(id: string | null, { loaders, viewer }: RequestContext): Promise<WorkflowRun | null> {
  const record = readable(viewer, id === null ? null : await loaders.run.load(id));
  return record === null ? null : WorkflowRun.from(record);
}

function positionIn(list: string, cursor: string): BulkPage["after"] {
  const [createdAt, id] = readListCursor(list, cursor);
  if (!isMoment(createdAt) || !isKey(id)) throw foreignCursor();
  return { createdAt: new Date(createdAt), id };
}
