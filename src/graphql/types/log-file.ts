import { Field, ObjectType } from "type-graphql";
import { encodeId } from "../../domain/ids.ts";
import type { LogFileRecord } from "../../persistence/queries/log-files.ts";
import { DateTime, Float } from "../scalars.ts";
import { Node } from "./node.ts";

@ObjectType("LogFile", {
  implements: Node,
  description: "A file that somebody added to the logs of a run. It is complete and never changes.",
})
export class LogFile extends Node {
  @Field(() => String, { description: "The name that it was sent under, without `.gz`." })
  name!: string;

  @Field(() => Float, { description: "How many bytes it has." })
  sizeBytes!: number;

  @Field(() => DateTime, { description: "When it was complete." })
  createdAt!: Date;

  record!: LogFileRecord;

  static from(record: LogFileRecord): LogFile {
    const { id, name, sizeBytes, createdAt } = record;
    return Object.assign(new LogFile(), {
      id: encodeId("LogFile", id),
      name,
      sizeBytes,
      createdAt,
      record,
    });
  }
}
