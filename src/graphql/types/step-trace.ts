import { Field, ObjectType } from "type-graphql";
import type { TraceKind } from "../../domain/events.ts";
import type { TraceRecord } from "../../persistence/queries/traces.ts";
import { TraceKindEnum } from "../command-enums.ts";
import { connectionOf } from "../connection.ts";
import { DateTime, Int } from "../scalars.ts";

@ObjectType("StepTrace", { description: "Something that a step told of its work while it ran." })
export class StepTrace {
  @Field(() => Int, { description: "Position of its event, `StepTraced`, among those of the run." })
  seq!: number;

  @Field(() => Int, { description: "The step's attempt that told it." })
  attempt!: number;

  @Field(() => TraceKindEnum, { description: "What it told of." })
  kind!: TraceKind;

  @Field(() => String, { description: "What it told, with the workflow's secrets masked." })
  content!: string;

  @Field(() => DateTime, { description: "When it was told." })
  at!: Date;

  static from(record: TraceRecord): StepTrace {
    return Object.assign(new StepTrace(), record);
  }
}

export const StepTraceConnection = connectionOf("StepTrace", () => StepTrace);
