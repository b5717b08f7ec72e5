import { Field, ObjectType } from "type-graphql";
import type { LogLine as Line, LogStream } from "../../logs/records.ts";
import { LogStreamEnum } from "../enums.ts";
import { DateTime, ID, Int } from "../scalars.ts";
import { StreamMessage } from "./stream.ts";

@ObjectType("LogLine", { description: "A line that a step wrote." })
export class LogLine {
  @Field(() => Int, { description: "Counts the lines of the attempt's log, from 1." })
  number!: number;

  @Field(() => DateTime, { description: "When the runner read it." })
  at!: Date;

  @Field(() => LogStreamEnum, { description: "Where it comes from." })
  stream!: LogStream;

  @Field(() => String, {
    description: "The line without its newline. It may hold terminal escape sequences.",
  })
  text!: string;

  @Field(() => Boolean, { description: "It was cut here: it goes on in the next line of its stream." })
  partial!: boolean;
}

@ObjectType("LogLines", { implements: StreamMessage, description: "The next lines of a log." })
export class LogLines extends StreamMessage {
  @Field(() => ID, { description: "The step whose log it is." })
  stepRunId!: string;

  @Field(() => Int, { description: "The attempt whose log it is." })
  attempt!: number;

  @Field(() => [LogLine], { description: "The lines, in order." })
  lines!: readonly Line[];
}

@ObjectType("LogGap", {
  implements: StreamMessage,
  description: "A part of a log that is not kept any more: logs of runs that ended long ago are given up.",
})
export class LogGap extends StreamMessage {
  @Field(() => ID, { description: "The step whose log it is." })
  stepRunId!: string;

  @Field(() => Int, { description: "The attempt whose log it is." })
  attempt!: number;

  @Field(() => Int, { description: "The first byte that is missing, counted from 0." })
  fromOffset!: number;

  @Field(() => Int, { description: "The first byte behind those that are missing." })
  toOffset!: number;
}

@ObjectType("LogEnd", {
  implements: StreamMessage,
  description: "The log is complete, or nobody is left to complete it.",
})
export class LogEnd extends StreamMessage {
  @Field(() => ID, { description: "The step whose log it is." })
  stepRunId!: string;

  @Field(() => Int, { description: "The attempt whose log it is." })
  attempt!: number;

  @Field(() => Int, { description: "Bytes of the whole log." })
  finalOffset!: number;

  @Field(() => Boolean, {
    description: "It was cut where it became too long, or the runner was lost before it had sent everything.",
  })
  truncated!: boolean;

  @Field(() => Int, { nullable: true, description: "The attempt that follows; null when this was the last." })
  nextAttempt!: number | null;
}
