import { Field, ObjectType } from "type-graphql";
import { encodeId } from "../../domain/ids.ts";
import type { CancelProof } from "../../domain/run-state.ts";
import { type Result, resultOf, type StageRunStatus, type StepRunStatus } from "../../domain/statuses.ts";
import type { AttemptRecord, StageRecord, StepRecord } from "../../persistence/queries/steps.ts";
import { connectionOf } from "../connection.ts";
import { CancelProofEnum, ResultEnum, StageRunStatusEnum, StepRunStatusEnum } from "../enums.ts";
import { DateTime, Float, ID, Int, Json } from "../scalars.ts";
import { durationMs } from "./durations.ts";
import { Node } from "./node.ts";
import { StatusReason } from "./status-reason.ts";

@ObjectType("StageRun", {
  implements: Node,
  description: "A stage of a run: steps that start after the stages before it.",
})
export class StageRun extends Node {
  @Field(() => Int, { description: "Position in the run, from 0." })
  order!: number;

  @Field(() => StageRunStatusEnum, { description: "Where it stands, derived from its steps." })
  status!: StageRunStatus;

  @Field(() => StatusReason, {
    nullable: true,
    description: "Why it ended as it did; null when it succeeded or is open.",
  })
  statusReason!: StatusReason | null;

  @Field(() => ResultEnum, { description: "How it ended." })
  result!: Result;

  @Field(() => DateTime, { nullable: true, description: "When its first step started or began to wait." })
  startedAt!: Date | null;

  @Field(() => DateTime, { nullable: true, description: "When its last step ended." })
  finishedAt!: Date | null;

  @Field(() => Float, {
    nullable: true,
    description: "Milliseconds from start to end; null until it has ended.",
  })
  durationMs!: number | null;

  record!: StageRecord;

  static from(record: StageRecord): StageRun {
    const { startedAt, finishedAt } = record;
    return Object.assign(new StageRun(), {
      ...record,
      id: encodeId("StageRun", record.runId, record.index),
      order: record.index,
      statusReason: StatusReason.from(record.statusReason),
      result: resultOf(record.status),
      durationMs: durationMs(startedAt, finishedAt),
      record,
    });
  }
}

@ObjectType("StepRun", { implements: Node, description: "A step of a run, over all of its attempts." })
export class StepRun extends Node {
  @Field(() => Int, { description: "Position in the run, from 0, over all stages." })
  order!: number;

  @Field(() => String, { description: "The step's `ref` in the workflow file, unique in the workflow." })
  stepRef!: string;

  @Field(() => String, { nullable: true, description: "Name to show; null when the file gives none." })
  name!: string | null;

  @Field(() => String, { description: "The step's type in the workflow file, such as `run` or `delay`." })
  type!: string;

  @Field(() => ID, { description: "Id of the step in the workflow version, the same in every run of it." })
  workflowStepId!: string;

  @Field(() => StepRunStatusEnum, { description: "Where it stands." })
  status!: StepRunStatus;

  @Field(() => StatusReason, {
    nullable: true,
    description: "Why it has this status, where that is not evident.",
  })
  statusReason!: StatusReason | null;

  @Field(() => ResultEnum, { description: "How it ended." })
  result!: Result;

  @Field(() => Int, { description: "Number of its newest attempt, from 1; 0 before its first start." })
  attempt!: number;

  @Field(() => Int, { description: "How many of its needs have ended." })
  depsCompleted!: number;

  @Field(() => Int, {
    description: "How many steps it names as its needs. Without any it waits for the stages before its own.",
  })
  depsRequired!: number;

  @Field(() => Int, {
    nullable: true,
    description: "Exit code of its newest ended attempt; null when it had none.",
  })
  exitCode!: number | null;

  @Field(() => String, { description: "The queue it waits in for a runner." })
  queue!: string;

  @Field(() => [String], { description: "Labels that a runner must carry to take it." })
  labels!: readonly string[];

  @Field(() => Int, {
    description:
      "0 to 100: what its newest attempt told with `reportStepProgress`, 0 if it told nothing, 100 once it has succeeded.",
  })
  progress!: number;

  @Field(() => DateTime, { description: "When it was made, together with its run." })
  createdAt!: Date;

  @Field(() => DateTime, { description: "When it last started, ended or changed its status for a reason." })
  updatedAt!: Date;

  @Field(() => DateTime, { nullable: true, description: "When its newest attempt, or its delay, began." })
  startedAt!: Date | null;

  @Field(() => DateTime, { nullable: true, description: "When it ended." })
  finishedAt!: Date | null;

  @Field(() => DateTime, {
    nullable: true,
    description: "When its delay, or the backoff before its next try, is over.",
  })
  dueAt!: Date | null;

  @Field(() => Float, {
    nullable: true,
    description: "Milliseconds from `startedAt` to its end; null until it has ended.",
  })
  durationMs!: number | null;

  @Field(() => CancelProofEnum, {
    nullable: true,
    description: "How it is known that it is dead; null unless it was canceled while leased.",
  })
  cancelProof!: CancelProof | null;

  record!: StepRecord;

  static from(record: StepRecord): StepRun {
    const { runId, index, versionId, needs, openNeeds, startedAt, finishedAt } = record;
    return Object.assign(new StepRun(), {
      ...record,
      id: encodeId("StepRun", runId, index),
      order: index,
      stepRef: record.ref,
      type: record.type.toLowerCase(),
      workflowStepId: encodeId("WorkflowStep", versionId, index),
      statusReason: StatusReason.from(record.statusReason),
      result: resultOf(record.status),
      depsCompleted: needs.length - openNeeds,
      depsRequired: needs.length,
      progress: record.status === "SUCCEEDED" ? 100 : record.progress,
      updatedAt: newestOf(record),
      durationMs: durationMs(startedAt, finishedAt),
      record,
    });
  }
}

function newestOf({ createdAt, startedAt, finishedAt, statusReason }: StepRecord): Date {
  const reasonAt = statusReason === null ? null : new Date(statusReason.at);
  const moments = [createdAt, startedAt, finishedAt, reasonAt].filter((moment) => moment !== null);
  return new Date(Math.max(...moments.map((moment) => moment.getTime())));
}

export const StepRunConnection = connectionOf("StepRun", () => StepRun);

@ObjectType("StepAttempt", {
  implements: Node,
  description: "One start of a step. Once it has ended it never changes; a rerun is another attempt.",
})
export class StepAttempt extends Node {
  @Field(() => Int, { description: "Counts the step's starts, from 1." })
  number!: number;

  @Field(() => StepRunStatusEnum, { description: "RUNNING or CANCELING, or how it ended." })
  status!: StepRunStatus;

  @Field(() => StatusReason, {
    nullable: true,
    description: "Why it ended as it did; null when it succeeded or is open.",
  })
  statusReason!: StatusReason | null;

  @Field(() => DateTime, { description: "When it started." })
  startedAt!: Date;

  @Field(() => DateTime, { nullable: true, description: "When it ended." })
  finishedAt!: Date | null;

  @Field(() => Float, {
    nullable: true,
    description: "Milliseconds from start to end; null until it has ended.",
  })
  durationMs!: number | null;

  @Field(() => Int, {
    nullable: true,
    description: "The command's exit code; null when it did not exit by itself.",
  })
  exitCode!: number | null;

  @Field(() => Json, {
    nullable: true,
    description: "What it wrote to `$RUNCAST_OUTPUT`; null until it has ended.",
  })
  output!: Readonly<Record<string, unknown>> | null;

  @Field(() => String, { nullable: true, description: "Why it failed, in one line; null when it did not." })
  error!: string | null;

  record!: AttemptRecord;

  static from(record: AttemptRecord): StepAttempt {
    return Object.assign(new StepAttempt(), {
      ...record,
      id: encodeId("StepAttempt", record.runId, record.step, record.number),
      statusReason: StatusReason.from(record.statusReason),
      durationMs: durationMs(record.startedAt, record.finishedAt),
      record,
    });
  }
}

/** The attempt that runs now: it gets a row of its own when it ends, until then it is read from its step. */
export function runningAttempt(step: StepRecord): AttemptRecord | null {
  if (step.status !== "RUNNING" && step.status !== "CANCELING") return null;
  if (step.attempt === 0 || step.startedAt === null) return null;
  const { runId, index, attempt, fence, status, statusReason, runnerId, startedAt } = step;
  const open = { finishedAt: null, exitCode: null, output: null, error: null };
  return { runId, step: index, number: attempt, fence, status, statusReason, runnerId, startedAt, ...open };
}
