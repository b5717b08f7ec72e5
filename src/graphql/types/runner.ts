import { Field, ObjectType } from "type-graphql";
import { encodeId } from "../../domain/ids.ts";
import type { RunnerRecord } from "../../persistence/queries/runners.ts";
import { connectionOf } from "../connection.ts";
import { Int } from "../scalars.ts";
import { Node } from "./node.ts";

@ObjectType("Runner", {
  implements: Node,
  description:
    "A process that executes steps. Of a runner that works for all projects, only system administrators see more than its name, labels, capacity and whether it is online.",
})
export class Runner extends Node {
  @Field(() => String, { description: "Its name, unique for its account." })
  name!: string;

  @Field(() => [String], { description: "The labels it carries: it takes steps that ask for no others." })
  labels!: readonly string[];

  @Field(() => Int, { description: "How many steps it executes at once." })
  capacity!: number;

  record!: RunnerRecord;

  static from(record: RunnerRecord): Runner {
    const { name, labels, capacity } = record;
    return Object.assign(new Runner(), {
      id: encodeId("Runner", record.id),
      name,
      labels,
      capacity,
      record,
    });
  }
}

export const RunnerConnection = connectionOf("Runner", () => Runner);
