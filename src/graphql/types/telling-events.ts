import { Ctx, Field, FieldResolver, ObjectType, Resolver, Root } from "type-graphql";
import type { EventPayloads, TraceKind } from "../../domain/events.ts";
import { TraceKindEnum } from "../command-enums.ts";
import type { RequestContext } from "../context.ts";
import { Int } from "../scalars.ts";
import { RunEvent, stepOfEvent } from "./run-event-base.ts";
import { StepRun } from "./step-run.ts";

@ObjectType("StepProgressed", {
  implements: RunEvent,
  description:
    "A running step told how far it is; at most twice a second, so that the newest value may be in the step alone.",
})
export class StepProgressed extends RunEvent {
  @Field(() => Int, { description: "The step's attempt that told it." })
  attempt!: number;

  @Field(() => Int, { description: "0 to 100. It may fall." })
  progress!: number;

  @Field(() => String, { nullable: true, description: "What it said to it." })
  message!: string | null;

  @Field(() => StepRun, { nullable: true, description: "The step as it is now." })
  stepRun?: StepRun | null;
}

@ObjectType("StepTraced", {
  implements: RunEvent,
  description: "A running step told of its work, as `recordStepTrace` was called.",
})
export class StepTraced extends RunEvent {
  @Field(() => Int, { description: "The step's attempt that told it." })
  attempt!: number;

  @Field(() => TraceKindEnum, { description: "What it told of." })
  kind!: TraceKind;

  @Field(() => String, { description: "What it told, with the workflow's secrets masked." })
  content!: string;

  @Field(() => StepRun, { nullable: true, description: "The step as it is now." })
  stepRun?: StepRun | null;
}

export const TELLING_EVENT_OBJECTS = [StepProgressed, StepTraced] as const;

/** What of the payloads the fields show. */
export const TELLING_EVENT_MAKERS = {
  StepProgressed: ({ attempt, progress, message }: EventPayloads["StepProgressed"]) =>
    Object.assign(new StepProgressed(), { attempt, progress, message }),
  StepTraced: ({ attempt, kind, content }: EventPayloads["StepTraced"]) =>
    Object.assign(new StepTraced(), { attempt, kind, content }),
};

@Resolver(() => StepProgressed)
export class StepProgressedResolver {
  @FieldResolver(() => StepRun, { nullable: true })
  async stepRun(
    @Root() { record }: StepProgressed,
    @Ctx() { loaders }: RequestContext,
  ): Promise<StepRun | null> {
    return await stepOfEvent(record, loaders);
  }
}

@Resolver(() => StepTraced)
export class StepTracedResolver {
  @FieldResolver(() => StepRun, { nullable: true })
  async stepRun(@Root() { record }: StepTraced, @Ctx() { loaders }: RequestContext): Promise<StepRun | null> {
    return await stepOfEvent(record, loaders);
  }
}
