import { Field, ObjectType } from "type-graphql";
import { Int } from "../scalars.ts";
import { BulkOperation } from "./bulk-operation.ts";
import { StreamMessage } from "./stream.ts";
import { TestRun } from "./test-run.ts";

@ObjectType("TestRunsChanged", {
  implements: StreamMessage,
  description: "Tests of a step are new or changed; told as they are now.",
})
export class TestRunsChanged extends StreamMessage {
  @Field(() => Int, { description: "The run's event that tells of it." })
  seq!: number;

  @Field(() => [TestRun], { description: "The tests: put them in the list, or replace them." })
  testRuns!: readonly TestRun[];
}

@ObjectType("BulkOperationProgressed", {
  implements: StreamMessage,
  description: "A bulk operation has come further.",
})
export class BulkOperationProgressed extends StreamMessage {
  @Field(() => BulkOperation, { description: "The operation as it is then." })
  bulkOperation!: BulkOperation;
}
