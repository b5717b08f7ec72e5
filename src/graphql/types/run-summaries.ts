import { Field, InputType, ObjectType } from "type-graphql";
import type { RunStatistics } from "../../persistence/queries/run-stats.ts";
import { type RunGrouping, RunGroupingEnum } from "../enums.ts";
import { DateTime, Float, Int } from "../scalars.ts";
import { Actor } from "./actor.ts";

@InputType("WorkflowRunGroupBy", { description: "How runs are grouped to be counted." })
export class WorkflowRunGroupByInput {
  @Field(() => RunGroupingEnum, { defaultValue: "STATUS", description: "By what." })
  by!: RunGrouping;

  @Field(() => String, { nullable: true, description: "The label, for LABEL and only there." })
  labelKey?: string | null;

  @Field(() => String, {
    defaultValue: "UTC",
    description: "IANA name of the time zone in which days begin, for DAY.",
  })
  timeZone!: string;
}

@ObjectType("WorkflowRunGroup", { description: "How many runs have one thing in common." })
export class WorkflowRunGroup {
  @Field(() => String, {
    description: "The status, the result, the workflow's id, the label's value, or the day as YYYY-MM-DD.",
  })
  key!: string;

  @Field(() => String, { nullable: true, description: "Name to show, for workflows; null elsewhere." })
  label!: string | null;

  @Field(() => Int, { description: "How many runs." })
  count!: number;
}

@ObjectType("WorkflowRunCounts", { description: "How many runs there are, in all and by group." })
export class WorkflowRunCounts {
  @Field(() => Int, { description: "All runs that the filter matches." })
  total!: number;

  @Field(() => [WorkflowRunGroup], {
    description: "The groups: in the order of their definition, of time, or the biggest first.",
  })
  groups!: readonly WorkflowRunGroup[];
}

@ObjectType("WorkflowRunStatsBucket", { description: "The runs that were made in one span of time." })
export class WorkflowRunStatsBucket {
  @Field(() => DateTime, { description: "When the span begins." })
  from!: Date;

  @Field(() => Int, { description: "How many runs." })
  count!: number;

  @Field(() => Int, { description: "Those that are SUCCEEDED." })
  succeeded!: number;

  @Field(() => Int, { description: "Those that are FAILED or TIMED_OUT." })
  failed!: number;

  @Field(() => Int, { description: "Those that are CANCELED." })
  canceled!: number;

  @Field(() => Float, {
    nullable: true,
    description: "Half of those that have ended took no longer, in milliseconds.",
  })
  p50DurationMs!: number | null;

  @Field(() => Float, {
    nullable: true,
    description: "95 of 100 that have ended took no longer, in milliseconds.",
  })
  p95DurationMs!: number | null;

  @Field(() => Float, {
    nullable: true,
    description: "Mean milliseconds between the accepted start and the first step.",
  })
  avgQueuedMs!: number | null;
}

@ObjectType("WorkflowRunStats", { description: "How runs ended and how long they took." })
export class WorkflowRunStats {
  @Field(() => Int, { description: "All runs that the filter matches." })
  count!: number;

  @Field(() => Float, {
    nullable: true,
    description: "Share of the successes, 0 to 1, among the runs that succeeded or failed; null without any.",
  })
  successRate!: number | null;

  @Field(() => Float, { nullable: true, description: "Half of all that have ended took no longer." })
  p50DurationMs!: number | null;

  @Field(() => Float, { nullable: true, description: "95 of 100 that have ended took no longer." })
  p95DurationMs!: number | null;

  @Field(() => Float, {
    nullable: true,
    description: "Mean milliseconds between the accepted start and the first step.",
  })
  avgQueuedMs!: number | null;

  @Field(() => [WorkflowRunStatsBucket], {
    description: "By when they were made, oldest first; spans without a run are left out.",
  })
  buckets!: readonly WorkflowRunStatsBucket[];

  static from(all: RunStatistics, buckets: readonly RunStatistics[]): WorkflowRunStats {
    const { count, succeeded, failed, p50DurationMs, p95DurationMs, avgQueuedMs } = all;
    const judged = succeeded + failed;
    const successRate = judged === 0 ? null : succeeded / judged;
    const figures = { count, successRate, p50DurationMs, p95DurationMs, avgQueuedMs, buckets };
    return Object.assign(new WorkflowRunStats(), figures);
  }
}

@ObjectType("FacetValue", { description: "A value that runs have, and how many have it." })
export class FacetValue {
  @Field(() => String, { description: "The value." })
  value!: string;

  @Field(() => Int, { description: "How many runs." })
  count!: number;
}

@ObjectType("AuthorFacet", { description: "Somebody who made runs, and how many." })
export class AuthorFacet {
  @Field(() => Actor, { description: "Who." })
  actor!: Actor;

  @Field(() => Int, { description: "How many runs." })
  count!: number;
}

@ObjectType("LabelFacet", { description: "A label that runs carry, with its values." })
export class LabelFacet {
  @Field(() => String, { description: "The label's key." })
  key!: string;

  @Field(() => Int, { description: "How many runs carry it." })
  count!: number;

  @Field(() => [FacetValue], { description: "Its 50 most frequent values." })
  values!: readonly FacetValue[];
}

@ObjectType("WorkflowRunFacets", {
  description: "What the matching runs differ in, for filters to choose from: the 50 most frequent of each.",
})
export class WorkflowRunFacets {
  @Field(() => [FacetValue], { description: "Their git branches." })
  branches!: readonly FacetValue[];

  @Field(() => [AuthorFacet], { description: "Who made them." })
  authors!: readonly AuthorFacet[];

  @Field(() => [LabelFacet], { description: "Their labels." })
  labels!: readonly LabelFacet[];
}
