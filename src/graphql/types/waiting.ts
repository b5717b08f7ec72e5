import { Field, ObjectType } from "type-graphql";
import type { StepPlace } from "../../persistence/queries/steps.ts";
import { type WaitKind, WaitKindEnum } from "../enums.ts";
import { DateTime } from "../scalars.ts";

@ObjectType("WaitingOn", { description: "What a run or a step waits for." })
export class WaitingOn {
  @Field(() => WaitKindEnum, { description: "The kind of obstacle." })
  kind!: WaitKind;

  @Field(() => String, { description: "The obstacle, for people." })
  message!: string;

  @Field(() => DateTime, {
    nullable: true,
    description: "When it is over at the latest, where that is known.",
  })
  until!: Date | null;

  @Field(() => [String], {
    description:
      "Refs of steps of the same run: those that are waited for or that hold its slots; for a run, those that wait. At most 10.",
  })
  stepRefs!: readonly string[];

  @Field(() => String, { nullable: true, description: "The queue it waits in; null outside of queues." })
  queue!: string | null;

  @Field(() => [String], { description: "The labels that it asks of a runner." })
  runnerLabels!: readonly string[];

  /** Steps, also of other runs, that keep the runners busy. */
  holders!: readonly StepPlace[];

  static for(kind: WaitKind, message: string, more: Partial<WaitingOn> = {}): WaitingOn {
    const nothing = { until: null, stepRefs: [], queue: null, runnerLabels: [], holders: [] };
    return Object.assign(new WaitingOn(), nothing, more, { kind, message });
  }
}
