import { Ctx, Field, FieldResolver, InterfaceType, ObjectType, Resolver, Root } from "type-graphql";
import type { ApprovalStatus, ApprovalVerdict } from "../../domain/approvals.ts";
import type { EventPayloads, RunEventType } from "../../domain/events.ts";
import { encodeId } from "../../domain/ids.ts";
import type {
  StageRunStatus,
  StatusReasonCode,
  StepRunStatus,
  WorkflowRunStatus,
} from "../../domain/statuses.ts";
import type { EventRecord } from "../../persistence/queries/events.ts";
import { ApprovalVerdictEnum } from "../command-enums.ts";
import type { RequestContext } from "../context.ts";
import {
  ApprovalStatusEnum,
  StageRunStatusEnum,
  StatusReasonCodeEnum,
  StepRunStatusEnum,
  WorkflowRunStatusEnum,
} from "../enums.ts";
import { DateTime, ID, Int, Json, typeNameOf } from "../scalars.ts";
import { Actor } from "./actor.ts";
import { StageRun, StepRun } from "./step-run.ts";
import { StreamMessage } from "./stream.ts";
import { WorkflowRun } from "./workflow-run.ts";

@ObjectType("EventReason", { description: "Why a status changed, as it was recorded." })
export class EventReason {
  @Field(() => StatusReasonCodeEnum, { description: "The reason, for programs." })
  code!: StatusReasonCode;

  @Field(() => String, { description: "The reason, for people." })
  message!: string;
}

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

@ObjectType("RunStatusChanged", { implements: RunEvent, description: "The run has another status." })
export class RunStatusChanged extends RunEvent {
  @Field(() => WorkflowRunStatusEnum, { description: "The run's status from here on." })
  runStatus!: WorkflowRunStatus;

  @Field(() => EventReason, { nullable: true, description: "Why; null where that is evident." })
  statusReason!: EventReason | null;
}

@ObjectType("RunError", { description: "Why a run did not succeed." })
export class RunError {
  @Field(() => String, { description: "In one line." })
  message!: string;

  @Field(() => String, { nullable: true, description: "More, where there is more to say." })
  details!: string | null;
}

@ObjectType("RunFinished", {
  implements: RunEvent,
  description: "The run has ended. Follows its last RunStatusChanged directly.",
})
export class RunFinished extends RunEvent {
  @Field(() => Boolean, { description: "It ended SUCCEEDED or SKIPPED." })
  success!: boolean;

  @Field(() => RunError, { nullable: true, description: "Why it did not succeed; null when it did." })
  error!: RunError | null;
}

@ObjectType("StageStatusChanged", { implements: RunEvent, description: "A stage has another status." })
export class StageStatusChanged extends RunEvent {
  @Field(() => StageRunStatusEnum, { description: "The stage's status from here on." })
  stageStatus!: StageRunStatus;

  @Field(() => EventReason, { nullable: true, description: "Why; null where that is evident." })
  statusReason!: EventReason | null;

  @Field(() => StageRun, { nullable: true, description: "The stage as it is now." })
  stageRun?: StageRun | null;
}

@ObjectType("StepStatusChanged", { implements: RunEvent, description: "A step has another status." })
export class StepStatusChanged extends RunEvent {
  @Field(() => StepRunStatusEnum, { description: "The step's status from here on." })
  stepStatus!: StepRunStatus;

  @Field(() => Int, { description: "The step's newest attempt at that moment; 0 before its first start." })
  attempt!: number;

  @Field(() => EventReason, { nullable: true, description: "Why; null where that is evident." })
  statusReason!: EventReason | null;

  @Field(() => StepRun, { nullable: true, description: "The step as it is now." })
  stepRun?: StepRun | null;
}

@ObjectType("RunReopened", {
  implements: RunEvent,
  description: "The run had ended and goes on: a retry, replay, skip or completion of one of its steps.",
})
export class RunReopened extends RunEvent {}

@ObjectType("RunLabelsChanged", { implements: RunEvent, description: "The run has other labels." })
export class RunLabelsChanged extends RunEvent {
  @Field(() => Json, { description: "The run's labels from here on: an object of text values." })
  labels!: Readonly<Record<string, string>>;
}

@ObjectType("RunDeleted", {
  implements: RunEvent,
  description: "The run was deleted. It is the last event, and the stream completes.",
})
export class RunDeleted extends RunEvent {}

@ObjectType("ApprovalRequested", {
  implements: RunEvent,
  description: "An approval step asks for a decision.",
})
export class ApprovalRequested extends RunEvent {
  @Field(() => Int, { description: "The step's attempt that asks." })
  attempt!: number;

  @Field(() => StepRun, { nullable: true, description: "The step as it is now." })
  stepRun?: StepRun | null;
}

@ObjectType("ApprovalDecided", {
  implements: RunEvent,
  description: "Somebody decided on an approval step.",
})
export class ApprovalDecided extends RunEvent {
  @Field(() => Int, { description: "The step's attempt that asked." })
  attempt!: number;

  @Field(() => ApprovalVerdictEnum, { description: "The decision; the event's actor made it." })
  verdict!: ApprovalVerdict;

  @Field(() => String, { nullable: true, description: "What they said to it." })
  comment!: string | null;

  @Field(() => ApprovalStatusEnum, {
    description: "Where the approval stands with it: PENDING while more approvals are needed.",
  })
  approvalStatus!: ApprovalStatus;

  @Field(() => StepRun, { nullable: true, description: "The step as it is now." })
  stepRun?: StepRun | null;
}

@ObjectType("LogFileAdded", { implements: RunEvent, description: "Somebody added a file to the run's logs." })
export class LogFileAdded extends RunEvent {
  @Field(() => ID, { description: "The file's id, one of `WorkflowRun.logFiles`." })
  logFileId!: string;

  @Field(() => String, { description: "The file's name." })
  name!: string;

  @Field(() => StepRun, { nullable: true, description: "The step it is about, as it is now." })
  stepRun?: StepRun | null;
}

export const RUN_EVENT_OBJECTS = [
  LogFileAdded,
  RunReopened,
  RunLabelsChanged,
  RunDeleted,
  ApprovalRequested,
  ApprovalDecided,
  RunStatusChanged,
  RunFinished,
  StageStatusChanged,
  StepStatusChanged,
] as const;

/** For each type of event its class, and what of the payload its fields show. */
const MAKERS: {
  [Type in RunEventType]: (payload: EventPayloads[Type]) => Omit<RunEvent, keyof RunEvent> & object;
} = {
  RunStatusChanged: ({ status, reason }) =>
    Object.assign(new RunStatusChanged(), { runStatus: status, statusReason: reason }),
  RunFinished: ({ success, error }) => Object.assign(new RunFinished(), { success, error }),
  RunReopened: () => new RunReopened(),
  RunLabelsChanged: ({ labels }) => Object.assign(new RunLabelsChanged(), { labels }),
  RunDeleted: () => new RunDeleted(),
  ApprovalRequested: ({ attempt }) => Object.assign(new ApprovalRequested(), { attempt }),
  ApprovalDecided: ({ attempt, verdict, comment, status }) =>
    Object.assign(new ApprovalDecided(), { attempt, verdict, comment, approvalStatus: status }),
  StageStatusChanged: ({ status, reason }) =>
    Object.assign(new StageStatusChanged(), { stageStatus: status, statusReason: reason }),
  StepStatusChanged: ({ status, attempt, reason }) =>
    Object.assign(new StepStatusChanged(), { stepStatus: status, attempt, statusReason: reason }),
  LogFileAdded: ({ fileId, name }) =>
    Object.assign(new LogFileAdded(), { logFileId: encodeId("LogFile", fileId), name }),
};

export function toRunEvent(record: EventRecord, cursor: string): RunEvent {
  const make = MAKERS[record.type] as (payload: unknown) => RunEvent;
  return Object.assign(make(record.payload), { cursor, seq: record.seq, at: record.at, record });
}

@Resolver(() => RunEvent)
export class RunEventResolver {
  @FieldResolver(() => Actor)
  async actor(@Root() { record }: RunEvent, @Ctx() { loaders }: RequestContext): Promise<Actor> {
    return Actor.from(record.actorId === null ? null : await loaders.account.load(record.actorId));
  }

  @FieldResolver(() => WorkflowRun, { nullable: true })
  async workflowRun(
    @Root() { record }: RunEvent,
    @Ctx() { loaders }: RequestContext,
  ): Promise<WorkflowRun | null> {
    const run = await loaders.run.load(record.runId);
    return run === null ? null : WorkflowRun.from(run);
  }
}

@Resolver(() => StageStatusChanged)
export class StageStatusChangedResolver {
  @FieldResolver(() => StageRun, { nullable: true })
  async stageRun(
    @Root() { record }: StageStatusChanged,
    @Ctx() { loaders }: RequestContext,
  ): Promise<StageRun | null> {
    if (record.type !== "StageStatusChanged") return null;
    const stages = await loaders.stagesOfRun.load(record.runId);
    const stage = stages[record.payload.stage];
    return stage === undefined ? null : StageRun.from(stage);
  }
}

@Resolver(() => StepStatusChanged)
export class StepStatusChangedResolver {
  @FieldResolver(() => StepRun, { nullable: true })
  async stepRun(
    @Root() { record }: StepStatusChanged,
    @Ctx() { loaders }: RequestContext,
  ): Promise<StepRun | null> {
    return await stepOfEvent(record, loaders);
  }
}

@Resolver(() => ApprovalRequested)
export class ApprovalRequestedResolver {
  @FieldResolver(() => StepRun, { nullable: true })
  async stepRun(
    @Root() { record }: ApprovalRequested,
    @Ctx() { loaders }: RequestContext,
  ): Promise<StepRun | null> {
    return await stepOfEvent(record, loaders);
  }
}

@Resolver(() => ApprovalDecided)
export class ApprovalDecidedResolver {
  @FieldResolver(() => StepRun, { nullable: true })
  async stepRun(
    @Root() { record }: ApprovalDecided,
    @Ctx() { loaders }: RequestContext,
  ): Promise<StepRun | null> {
    return await stepOfEvent(record, loaders);
  }
}

@Resolver(() => LogFileAdded)
export class LogFileAddedResolver {
  @FieldResolver(() => StepRun, { nullable: true })
  async stepRun(
    @Root() { record }: LogFileAdded,
    @Ctx() { loaders }: RequestContext,
  ): Promise<StepRun | null> {
    return await stepOfEvent(record, loaders);
  }
}

async function stepOfEvent(
  { runId, payload }: EventRecord,
  { step: steps }: RequestContext["loaders"],
): Promise<StepRun | null> {
  if (!("step" in payload) || typeof payload.step !== "number") return null;
  const step = await steps.load({ runId, index: payload.step });
  return step === null ? null : StepRun.from(step);
}
