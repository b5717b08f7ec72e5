import { Field, ObjectType } from "type-graphql";
import { areGone, type LogHead } from "../../persistence/queries/logs.ts";
import { Float } from "../scalars.ts";

/** How much there is of a log, and whether there will be more. */
export type LogExtent = Pick<
  LogHead,
  "length" | "lineCount" | "truncated" | "dropped" | "finalLength" | "abandoned"
>;

@ObjectType("StoredLog", { description: "What there is of a log, or of all logs of a run." })
export class StoredLog {
  @Field(() => String, {
    description:
      "Address of the text, for `GET` without a token; good for five minutes. Once the log is not kept any more it answers 410.",
  })
  downloadUrl!: string;

  @Field(() => Float, { description: "Bytes stored so far." })
  sizeBytes!: number;

  @Field(() => Float, { description: "Lines stored so far." })
  lineCount!: number;

  @Field(() => Boolean, { description: "Nothing comes to it any more." })
  ended!: boolean;

  @Field(() => Boolean, {
    description: "A part of it was cut off where it became too long, or was lost with its runner.",
  })
  truncated!: boolean;

  @Field(() => Boolean, { description: "It is not kept any more: only its size is known." })
  expired!: boolean;

  static from(downloadUrl: string, logs: readonly LogExtent[], mayGrow: boolean): StoredLog {
    return Object.assign(new StoredLog(), {
      downloadUrl,
      sizeBytes: logs.reduce((sum, { length }) => sum + length, 0),
      lineCount: logs.reduce((sum, { lineCount }) => sum + lineCount, 0),
      ended: !mayGrow && logs.every(isComplete),
      truncated: logs.some((log) => log.truncated || (log.abandoned && !hasAll(log))),
      expired: areGone(logs),
    });
  }
}

function hasAll({ finalLength, length }: LogExtent): boolean {
  return finalLength !== null && length >= finalLength;
}

function isComplete(log: LogExtent): boolean {
  return hasAll(log) || log.abandoned;
}
