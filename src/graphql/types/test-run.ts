import { Field, ObjectType } from "type-graphql";
import { encodeId } from "../../domain/ids.ts";
import type { Result } from "../../domain/statuses.ts";
import {
  isTestFailure,
  type TestRegression,
  type TestReviewStatus,
  type TestRunStatus,
} from "../../domain/tests.ts";
import type { TestAttemptRecord, TestRecord } from "../../persistence/queries/tests.ts";
import { connectionOf } from "../connection.ts";
import { ResultEnum } from "../enums.ts";
import { DateTime, Float, Int } from "../scalars.ts";
import { TestRegressionEnum, TestReviewStatusEnum, TestRunStatusEnum } from "../test-enums.ts";
import { Node } from "./node.ts";
import { StatusReason } from "./status-reason.ts";

@ObjectType("TestReview", { description: "What somebody said of a test's result." })
export class TestReview {
  @Field(() => TestReviewStatusEnum, { description: "What they said." })
  status!: TestReviewStatus;

  @Field(() => String, { nullable: true, description: "Why." })
  comment!: string | null;

  @Field(() => DateTime, { description: "When." })
  at!: Date;

  @Field(() => DateTime, {
    nullable: true,
    description: "When the waiver ends; null = never, and for other reviews.",
  })
  expiresAt!: Date | null;

  reviewerId!: string;

  static from(review: TestRecord["review"]): TestReview | null {
    if (review === null) return null;
    const { status, comment, by, at, expiresAt } = review;
    return Object.assign(new TestReview(), {
      status,
      comment,
      at: new Date(at),
      expiresAt: expiresAt === null ? null : new Date(expiresAt),
      reviewerId: by,
    });
  }
}

@ObjectType("TestRun", {
  implements: Node,
  description: "A test in a step of a run, over all of its executions there.",
})
export class TestRun extends Node {
  @Field(() => String, { description: "Names the test in every run of its workflow." })
  key!: string;

  @Field(() => Int, { description: "Position in the step, from 0, in the order of discovery." })
  order!: number;

  @Field(() => String, { description: "Name to show." })
  name!: string;

  @Field(() => String, { nullable: true, description: "The suite it is part of, where that is known." })
  suite!: string | null;

  @Field(() => String, { nullable: true, description: "The source file it stands in, where that is known." })
  file!: string | null;

  @Field(() => TestRunStatusEnum, { description: "Where it stands." })
  status!: TestRunStatus;

  @Field(() => StatusReason, { nullable: true, description: "Why it was canceled; null otherwise." })
  statusReason!: StatusReason | null;

  @Field(() => ResultEnum, {
    description:
      "How it ended: PASSED, FAILED (also ERRORED and TIMED_OUT), ABORTED (CANCELED); UNKNOWN when skipped or open.",
  })
  result!: Result;

  @Field(() => Int, { description: "Number of its newest execution, from 1; 0 before the first." })
  attempt!: number;

  @Field(() => String, {
    nullable: true,
    description: "What its newest ended execution has to say, at most 4,000 characters.",
  })
  message!: string | null;

  @Field(() => DateTime, { nullable: true, description: "When its newest execution started." })
  startedAt!: Date | null;

  @Field(() => DateTime, { nullable: true, description: "When its end was reported." })
  finishedAt!: Date | null;

  @Field(() => Float, {
    nullable: true,
    description: "Milliseconds that its newest execution took; null until it has ended.",
  })
  durationMs!: number | null;

  @Field(() => TestRegressionEnum, {
    nullable: true,
    description: "What its end means beside earlier runs; null when there is nothing to say.",
  })
  regression!: TestRegression | null;

  @Field(() => TestReview, {
    nullable: true,
    description: "Its newest review in this run. A rerun takes back all but a waiver.",
  })
  review!: TestReview | null;

  @Field(() => Boolean, {
    description: "The newest discovery no longer finds it: it does not count for the gate of its step.",
  })
  gone!: boolean;

  record!: TestRecord;

  static from(record: TestRecord): TestRun {
    return Object.assign(new TestRun(), {
      ...record,
      id: encodeId("TestRun", record.runId, record.step, record.index),
      order: record.index,
      statusReason: StatusReason.from(record.statusReason),
      result: testResult(record.status),
      review: TestReview.from(record.review),
      record,
    });
  }
}

export function testResult(status: TestRunStatus): Result {
  if (status === "PASSED") return "PASSED";
  if (isTestFailure(status)) return "FAILED";
  return status === "CANCELED" ? "ABORTED" : "UNKNOWN";
}

export const TestRunConnection = connectionOf("TestRun", () => TestRun);

@ObjectType("TestAttempt", {
  implements: Node,
  description: "One execution of a test that has ended. It never changes; a rerun is another one.",
})
export class TestAttempt extends Node {
  @Field(() => Int, { description: "Counts the test's executions in the run, from 1." })
  number!: number;

  @Field(() => TestRunStatusEnum, { description: "How it ended." })
  status!: TestRunStatus;

  @Field(() => Int, { description: "Number of the step's attempt that it was part of." })
  stepAttempt!: number;

  @Field(() => DateTime, { nullable: true, description: "When it started, where that is known." })
  startedAt!: Date | null;

  @Field(() => DateTime, { description: "When its end was reported." })
  finishedAt!: Date;

  @Field(() => Float, { nullable: true, description: "Milliseconds that it took, where that is known." })
  durationMs!: number | null;

  @Field(() => Int, { nullable: true, description: "Its command's exit code; null when it had none." })
  exitCode!: number | null;

  @Field(() => String, { nullable: true, description: "What it has to say, at most 4,000 characters." })
  message!: string | null;

  @Field(() => String, { nullable: true, description: "More, such as a stack trace; at most 64 KiB." })
  details!: string | null;

  record!: TestAttemptRecord;

  static from(record: TestAttemptRecord): TestAttempt {
    const { runId, step, index, number } = record;
    const id = encodeId("TestAttempt", runId, step, index, number);
    return Object.assign(new TestAttempt(), { ...record, id, record });
  }
}

@ObjectType("TestRunCounts", {
  description: "How many tests stand where; those that discovery no longer finds are left out.",
})
export class TestRunCounts {
  @Field(() => Int, { description: "All of them." })
  total!: number;

  @Field(() => Int, { description: "QUEUED." })
  queued!: number;

  @Field(() => Int, { description: "RUNNING." })
  running!: number;

  @Field(() => Int, { description: "PASSED." })
  passed!: number;

  @Field(() => Int, { description: "FAILED." })
  failed!: number;

  @Field(() => Int, { description: "ERRORED." })
  errored!: number;

  @Field(() => Int, { description: "SKIPPED." })
  skipped!: number;

  @Field(() => Int, { description: "TIMED_OUT." })
  timedOut!: number;

  @Field(() => Int, { description: "CANCELED." })
  canceled!: number;

  @Field(() => Int, { description: "Waived now, whatever their status." })
  waived!: number;

  @Field(() => Int, { description: "With APPROVED as their newest review." })
  approved!: number;

  @Field(() => Int, { description: "With REJECTED as their newest review." })
  rejected!: number;
}
