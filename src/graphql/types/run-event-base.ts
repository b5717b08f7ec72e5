import { Field, InterfaceType } from "type-graphql";
import type { EventRecord } from "../../persistence/queries/events.ts";
import type { RequestContext } from "../context.ts";
import { DateTime, Int, typeNameOf } from "../scalars.ts";
import { Actor } from "./actor.ts";
import { StepRun } from "./step-run.ts";
import { StreamMessage } from "./stream.ts";
import { WorkflowRun } from "./workflow-run.ts";

@InterfaceType("RunEvent", {
  implements: StreamMessage,
  description:
    "Something that happened to a run. Statuses are as they were recorded; links to objects show these as they are now.",
  resolveType: typeNameOf,
})
export abstract class RunEvent extends StreamMessage {
  @Field(() => Int, { description: "Position among the run's events: 1, 2, 3, ... without a gap." })
  seq!: number;

  @Field(() => DateTime, { description: "When it happened." })
  at!: Date;

  @Field(() => Actor, { description: "Who caused it." })
  actor?: Actor;

  @Field(() => WorkflowRun, { nullable: true, description: "The run as it is now." })
  workflowRun?: WorkflowRun | null;

  record!: EventRecord;
}

/** The step that an event is about. */
export async function stepOfEvent(
  { runId, payload }: EventRecord,
  { step: steps }: RequestContext["loaders"],
): Promise<StepRun | null> {
  if (!("step" in payload) || typeof payload.step !== "number") return null;
  const step = await steps.load({ runId, index: payload.step });
  return step === null ? null : StepRun.from(step);
}
