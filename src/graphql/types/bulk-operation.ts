import { Field, ObjectType } from "type-graphql";
import type { BulkAction, BulkOutcome, BulkStatus } from "../../domain/bulk.ts";
import { encodeId } from "../../domain/ids.ts";
import type { BulkItemRecord, BulkOperationRecord } from "../../persistence/queries/bulk-operations.ts";
import { BulkActionEnum, BulkOutcomeEnum, BulkStatusEnum } from "../command-enums.ts";
import { connectionOf } from "../connection.ts";
import { DateTime, ID, Int } from "../scalars.ts";
import { MutationPayload } from "../user-errors.ts";
import { Node } from "./node.ts";

@ObjectType("BulkItem", { description: "What became of one run of a bulk operation." })
export class BulkItem {
  @Field(() => ID, { description: "The run's id as it was given or selected." })
  workflowRunId!: string;

  @Field(() => BulkOutcomeEnum, {
    nullable: true,
    description: "What became of it; null while it waits for its turn.",
  })
  outcome!: BulkOutcome | null;

  @Field(() => String, { nullable: true, description: "Why it was not done; null when it was." })
  error!: string | null;

  /** Null for an id that names no run. */
  record!: BulkItemRecord | null;

  static from(record: BulkItemRecord): BulkItem {
    const { runId, outcome, message } = record;
    const workflowRunId = encodeId("WorkflowRun", runId);
    return Object.assign(new BulkItem(), { workflowRunId, outcome, error: message, record });
  }

  static unknown(id: string): BulkItem {
    const outcome: BulkOutcome = "NOT_FOUND";
    return Object.assign(new BulkItem(), {
      workflowRunId: id,
      outcome,
      error: "no such object",
      record: null,
    });
  }
}

export const BulkItemConnection = connectionOf("BulkItem", () => BulkItem);

@ObjectType("BulkOperation", {
  implements: Node,
  description:
    "Something that is done to many runs, each for itself. The runs were settled when it was made.",
})
export class BulkOperation extends Node {
  @Field(() => BulkActionEnum, { description: "What is done." })
  action!: BulkAction;

  @Field(() => BulkStatusEnum, { description: "Where it stands." })
  status!: BulkStatus;

  @Field(() => Int, { description: "How many runs it is about." })
  total!: number;

  @Field(() => Int, { description: "Runs to which it was done." })
  succeeded!: number;

  @Field(() => Int, { description: "Runs to which it could not be done." })
  failed!: number;

  @Field(() => Int, { description: "0 to 100: the share of runs that had their turn." })
  progress!: number;

  @Field(() => DateTime, { description: "When it was asked for." })
  createdAt!: Date;

  @Field(() => DateTime, { description: "When its counts last changed." })
  updatedAt!: Date;

  @Field(() => DateTime, { nullable: true, description: "When it was completed or aborted." })
  finishedAt!: Date | null;

  record!: BulkOperationRecord;

  static from(record: BulkOperationRecord): BulkOperation {
    const { total, succeeded, failed } = record;
    const progress = total === 0 ? 100 : Math.floor((100 * (succeeded + failed)) / total);
    const id = encodeId("BulkOperation", record.id);
    return Object.assign(new BulkOperation(), record, { id, progress, record });
  }
}

export const BulkOperationConnection = connectionOf("BulkOperation", () => BulkOperation);

export interface BulkPayload extends MutationPayload {
  items: readonly BulkItem[];
  operation: BulkOperation | null;
  total: number;
}

/** The payload of a command to many runs; `count` is the name of its count of successes. */
export function bulkPayload(name: string, count: string, description: string) {
  @ObjectType(name, { implements: MutationPayload, description })
  class Payload extends MutationPayload {
    @Field(() => [BulkItem], {
      description:
        "What became of each run, when there are at most 100; empty otherwise: then `operation` tells.",
    })
    items!: readonly BulkItem[];

    @Field(() => Int, { description: "How many runs it is about." })
    total!: number;

    @Field(() => BulkOperation, {
      nullable: true,
      description: "The operation, which goes on by itself when it is big; null after a dry run.",
    })
    operation!: BulkOperation | null;

    @Field(() => Int, { name: count, description: "Runs of `items` to which it was done." })
    successCount!: number;

    @Field(() => Int, { description: "Runs of `items` to which it could not be done." })
    failedCount!: number;
  }
  Object.defineProperty(Payload, "name", { value: name });
  return Payload as new () => BulkPayload & { successCount: number; failedCount: number };
}
