import { Field, ObjectType } from "type-graphql";
import { encodeId } from "../../domain/ids.ts";
import {
  phaseOf,
  type Result,
  resultOf,
  type WorkflowRunPhase,
  type WorkflowRunStatus,
} from "../../domain/statuses.ts";
import type { RunTriggerType } from "../../domain/triggers.ts";
import type { RunRecord, StoredCommit } from "../../persistence/queries/runs.ts";
import { followedConnectionOf } from "../connection.ts";
import { ResultEnum, RunTriggerTypeEnum, WorkflowRunPhaseEnum, WorkflowRunStatusEnum } from "../enums.ts";
import { DateTime, Float, ID, Int, Json } from "../scalars.ts";
import { durationMs } from "./durations.ts";
import { Node } from "./node.ts";
import { StatusReason } from "./status-reason.ts";

@ObjectType("EnvVar", { description: "An environment variable." })
export class EnvVar {
  @Field(() => String, { description: "Its name." })
  key!: string;

  @Field(() => String, { description: "Its value, as text." })
  value!: string;
}

@ObjectType("RunTrigger", { description: "What made a run." })
export class RunTrigger {
  @Field(() => RunTriggerTypeEnum, { description: "What kind of cause." })
  type!: RunTriggerType;

  @Field(() => String, {
    nullable: true,
    description: "Id of the schedule or webhook that made it; null for every other cause.",
  })
  ref!: string | null;
}

@ObjectType("Commit", { description: "A commit of the repository that a run works on." })
export class Commit {
  @Field(() => String, { description: "Its hash." })
  sha!: string;

  @Field(() => String, { nullable: true, description: "Its message." })
  message!: string | null;

  @Field(() => String, { nullable: true, description: "Who wrote it." })
  author!: string | null;

  @Field(() => DateTime, { nullable: true, description: "When it was made." })
  at!: Date | null;

  static from({ sha, message, author, at }: StoredCommit): Commit {
    const moment = new Date(at ?? "");
    const known = Number.isNaN(moment.getTime()) ? null : moment;
    return Object.assign(new Commit(), { sha, message: message ?? null, author: author ?? null, at: known });
  }
}

@ObjectType("WorkflowRun", {
  implements: Node,
  description: "One execution of a workflow version.",
})
export class WorkflowRun extends Node {
  @Field(() => Int, { description: "Counts the runs of its workflow, from 1." })
  number!: number;

  @Field(() => String, { description: "Name of the workflow when the run was made." })
  workflowName!: string;

  @Field(() => Int, { description: "Number of the workflow version it executes." })
  workflowVersion!: number;

  @Field(() => ID, { description: "Id of the workflow version it executes." })
  workflowVersionId!: string;

  @Field(() => WorkflowRunStatusEnum, { description: "Where it stands, derived from its steps." })
  status!: WorkflowRunStatus;

  @Field(() => StatusReason, {
    nullable: true,
    description: "Why it failed or is being ended; null otherwise.",
  })
  statusReason!: StatusReason | null;

  @Field(() => WorkflowRunPhaseEnum, { description: "Its status in four words." })
  phase!: WorkflowRunPhase;

  @Field(() => ResultEnum, { description: "How it ended." })
  result!: Result;

  @Field(() => Int, {
    description:
      "0 to 100: the share of its steps that have ended. 100 on success; any other end keeps the last value.",
  })
  progress!: number;

  @Field(() => Int, {
    nullable: true,
    description: "How many of its steps may execute at once; null = as many as there are runners for.",
  })
  maxParallelSteps!: number | null;

  @Field(() => Float, {
    description: "Milliseconds after which it is ended; a reopened run gets them again.",
  })
  timeoutMs!: number;

  @Field(() => Int, {
    nullable: true,
    description:
      "How often a failed step is tried again, whatever its workflow says; null = as its workflow says.",
  })
  stepRetries!: number | null;

  @Field(() => String, { nullable: true, description: "Why it failed, in one line; null when it did not." })
  error!: string | null;

  @Field(() => Json, { description: "Its labels: an object of text values." })
  labels!: Readonly<Record<string, string>>;

  @Field(() => String, {
    nullable: true,
    description: "What it is about; the commit's message when none was given.",
  })
  message!: string | null;

  @Field(() => String, {
    nullable: true,
    description: "Git branch it runs on; null until it is known, or without a source.",
  })
  branch!: string | null;

  @Field(() => String, {
    nullable: true,
    description: "Git commit it runs on. Resolved once, before the first checkout; every host uses this one.",
  })
  commit!: string | null;

  @Field(() => RunTrigger, { description: "What made it." })
  trigger!: RunTrigger;

  @Field(() => DateTime, { description: "When it was made." })
  createdAt!: Date;

  @Field(() => DateTime, { nullable: true, description: "When its start was accepted." })
  queuedAt!: Date | null;

  @Field(() => DateTime, { nullable: true, description: "When its first step started or began to wait." })
  startedAt!: Date | null;

  @Field(() => DateTime, { nullable: true, description: "When it ended." })
  finishedAt!: Date | null;

  @Field(() => DateTime, { nullable: true, description: "When it was sealed." })
  finalizedAt!: Date | null;

  @Field(() => DateTime, { description: "When anything about it last changed." })
  updatedAt!: Date;

  @Field(() => DateTime, { description: "When its timeout ends it." })
  expiresAt!: Date;

  @Field(() => Float, {
    nullable: true,
    description: "Milliseconds between the accepted start and the first step.",
  })
  queuedMs!: number | null;

  @Field(() => Float, {
    nullable: true,
    description: "Milliseconds from its first step to its end; null until it has ended.",
  })
  durationMs!: number | null;

  @Field(() => Int, { description: "Grows with every command and edit, not with progress." })
  revision!: number;

  record!: RunRecord;

  static from(record: RunRecord): WorkflowRun {
    const { status, startedAt, finishedAt, queuedAt } = record;
    const statusReason = StatusReason.from(record.statusReason);
    return Object.assign(new WorkflowRun(), {
      ...record,
      id: encodeId("WorkflowRun", record.id),
      workflowVersionId: encodeId("WorkflowVersion", record.workflowVersionId),
      statusReason,
      phase: phaseOf(status, record.finalizedAt),
      result: resultOf(status),
      error: resultOf(status) === "FAILED" ? (statusReason?.message ?? status) : null,
      trigger: Object.assign(new RunTrigger(), { type: record.triggerType, ref: record.triggerRef }),
      queuedMs: durationMs(queuedAt, startedAt),
      durationMs: durationMs(startedAt, finishedAt),
      record,
    });
  }
}

export const WorkflowRunConnection = followedConnectionOf(
  "WorkflowRun",
  () => WorkflowRun,
  "workflowRunsChanged",
);
