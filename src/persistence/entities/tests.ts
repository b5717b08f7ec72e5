import { Column, Entity, Index, PrimaryColumn, PrimaryGeneratedColumn, Unique } from "typeorm";
import {
  TEST_REGRESSIONS,
  TEST_REVIEW_STATUSES,
  TEST_RUN_STATUSES,
  type TestRegression,
  type TestReviewStatus,
  type TestRunStatus,
} from "../../domain/tests.ts";
import { bool, integer, json, oneOf, references, text, time, uuid } from "./columns.ts";
import { WorkflowEntity } from "./workflows.ts";

const double = (name: string) => ({ name, type: "double precision", nullable: true }) as const;
const status = oneOf("status", "test_run_status", TEST_RUN_STATUSES);

/** What a test step was asked for, and how far its discovery is. Missing as long as there is nothing to say. */
@Entity("test_step")
export class TestStepEntity {
  @PrimaryColumn(uuid("run_id")) runId!: string;
  @PrimaryColumn(integer("step_idx")) stepIndex!: number;
  @Column(text("test_suite", { nullable: true })) testSuite!: string | null;
  @Column(text("release_ids", { array: true, default: [] })) releaseIds!: string[];
  @Column(json("configuration", { default: {} })) configuration!: unknown;
  /** Discovery is to be done by a lease with a higher fence than this. */
  @Column(integer("asked_fence", { default: -1 })) askedFence!: number;
  /** The lease that completed the newest discovery. */
  @Column(integer("discovered_fence", { default: -1 })) discoveredFence!: number;
  /** What discovery finds is executed again, also where it has ended. */
  @Column(bool("start_over", { default: false })) startOver!: boolean;
  /** How many tests it has: the next one's index. */
  @Column(integer("test_count", { default: 0 })) testCount!: number;
  /** The step's newest attempt that left tests undone and had no result of any. */
  @Column(integer("idle_attempt", { default: 0 })) idleAttempt!: number;
  /** How many of them there were in a row then. */
  @Column(integer("idle_ends", { default: 0 })) idleEnds!: number;
}

/** A test over all runs of its workflow, known by its key; waivers hold for all of them. */
@Entity("test_case")
@Unique("test_case_workflow_id_key_key", ["workflowId", "key"])
@Index("test_case_waived", { synchronize: false })
export class TestCaseEntity {
  @PrimaryGeneratedColumn("identity", { name: "id", type: "bigint", generatedIdentity: "ALWAYS" })
  id!: string;
  @Column(uuid("workflow_id")) workflowId!: string;
  @Column(text("key")) key!: string;
  @Column(time("first_seen_at")) firstSeenAt!: Date;
  @Column(uuid("waived_by", { nullable: true })) waivedBy!: string | null;
  /** Null while nobody waives it. */
  @Column(time("waived_at", { nullable: true })) waivedAt!: Date | null;
  /** Null = for ever. */
  @Column(time("waived_until", { nullable: true })) waivedUntil!: Date | null;
  @Column(text("waive_comment", { nullable: true })) waiveComment!: string | null;
  @references(() => WorkflowEntity, "test_case", "workflow_id", "CASCADE") workflow?: WorkflowEntity;
}

/** A test of one step run, over all of its executions there. */
@Entity("test_run")
@Index("test_run_by_key", { synchronize: false })
@Index("test_run_by_case", { synchronize: false })
@Index("test_run_open", { synchronize: false })
@Index("test_run_failed", { synchronize: false })
export class TestRunEntity {
  @PrimaryColumn(uuid("run_id")) runId!: string;
  @PrimaryColumn(integer("step_idx")) stepIndex!: number;
  @PrimaryColumn(integer("idx")) index!: number;
  @Column({ name: "case_id", type: "bigint" }) caseId!: string;
  @Column(text("key")) key!: string;
  @Column(text("name")) name!: string;
  @Column(text("suite", { nullable: true })) suite!: string | null;
  @Column(text("file", { nullable: true })) file!: string | null;
  @Column(status) status!: TestRunStatus;
  @Column(json("status_reason", { nullable: true })) statusReason!: unknown;
  @Column(integer("attempt", { default: 0 })) attempt!: number;
  /** How many of its attempts in this run failed. */
  @Column(integer("failures", { default: 0 })) failures!: number;
  @Column(time("started_at", { nullable: true })) startedAt!: Date | null;
  @Column(time("finished_at", { nullable: true })) finishedAt!: Date | null;
  @Column(double("duration_ms")) durationMs!: number | null;
  @Column(text("message", { nullable: true })) message!: string | null;
  @Column(oneOf("regression", "test_regression", TEST_REGRESSIONS, { nullable: true }))
  regression!: TestRegression | null;
  @Column(oneOf("review_status", "test_review_status", TEST_REVIEW_STATUSES, { nullable: true }))
  reviewStatus!: TestReviewStatus | null;
  @Column(uuid("reviewed_by", { nullable: true })) reviewedBy!: string | null;
  @Column(time("reviewed_at", { nullable: true })) reviewedAt!: Date | null;
  @Column(text("review_comment", { nullable: true })) reviewComment!: string | null;
  @Column(time("review_expires_at", { nullable: true })) reviewExpiresAt!: Date | null;
  /** The lease that executes it, or executed it last. */
  @Column(integer("fence", { nullable: true })) fence!: number | null;
  /** The lease whose discovery found it last. */
  @Column(integer("seen_fence", { nullable: true })) seenFence!: number | null;
  /** The newest discovery did not find it any more. */
  @Column(bool("gone", { default: false })) gone!: boolean;
  @Column(bool("abort_requested", { default: false })) abortRequested!: boolean;
  @Column(time("updated_at")) updatedAt!: Date;
}

/** One execution of a test. Written once, when it ends. */
@Entity("test_attempt")
export class TestAttemptEntity {
  @PrimaryColumn(uuid("run_id")) runId!: string;
  @PrimaryColumn(integer("step_idx")) stepIndex!: number;
  @PrimaryColumn(integer("idx")) index!: number;
  @PrimaryColumn(integer("number")) number!: number;
  @Column(status) status!: TestRunStatus;
  @Column(time("started_at", { nullable: true })) startedAt!: Date | null;
  @Column(time("finished_at")) finishedAt!: Date;
  @Column(double("duration_ms")) durationMs!: number | null;
  @Column(integer("exit_code", { nullable: true })) exitCode!: number | null;
  @Column(text("message", { nullable: true })) message!: string | null;
  @Column(text("details", { nullable: true })) details!: string | null;
  /** Number of the step's attempt that it was a part of. */
  @Column(integer("step_attempt")) stepAttempt!: number;
  /** With `log_part` the name of its log. */
  @Column(integer("fence")) fence!: number;
  @Column(integer("log_part", { nullable: true })) logPart!: number | null;
  @Column(integer("log_length", { nullable: true })) logLength!: number | null;
  @Column(text("log_crc32", { nullable: true })) logCrc32!: string | null;
}

/** Every review that was given, also those that a later one or a rerun took back. */
@Entity("test_review")
@Index("test_review_by_test", { synchronize: false })
export class TestReviewEntity {
  @PrimaryGeneratedColumn("identity", { name: "id", type: "bigint", generatedIdentity: "ALWAYS" })
  id!: string;
  @Column(uuid("run_id")) runId!: string;
  @Column(integer("step_idx")) stepIndex!: number;
  @Column(integer("idx")) index!: number;
  @Column(integer("attempt")) attempt!: number;
  @Column(oneOf("status", "test_review_status", TEST_REVIEW_STATUSES)) status!: TestReviewStatus;
  @Column(text("comment", { nullable: true })) comment!: string | null;
  @Column(time("expires_at", { nullable: true })) expiresAt!: Date | null;
  @Column(uuid("actor_id")) actorId!: string;
  @Column(time("at")) at!: Date;
}
