import { Field, InputType } from "type-graphql";
import type { TraceKind } from "../../domain/events.ts";
import { TraceKindEnum } from "../command-enums.ts";
import { CommandInput } from "../command-input.ts";
import { Int } from "../scalars.ts";
import { StepRunSelectorInput } from "./selectors.ts";

@InputType("ReportStepProgressInput", { description: "How far a step is." })
export class ReportStepProgressInput extends CommandInput {
  @Field(() => StepRunSelectorInput, { description: "The step." })
  step!: StepRunSelectorInput;

  @Field(() => Int, { description: "0 to 100, in the step's own measure. It may fall." })
  progress!: number;

  @Field(() => String, {
    nullable: true,
    description: "What there is to say to it, at most 500 characters. Only the event shows it.",
  })
  message?: string | null;
}

@InputType("RecordStepTraceInput", { description: "What a step tells of its work." })
export class RecordStepTraceInput extends CommandInput {
  @Field(() => StepRunSelectorInput, { description: "The step." })
  step!: StepRunSelectorInput;

  @Field(() => TraceKindEnum, { description: "What it tells of." })
  kind!: TraceKind;

  @Field(() => String, { description: "What it tells, 1 byte to 64 KiB of UTF-8." })
  content!: string;
}
