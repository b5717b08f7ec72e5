import { Column, Entity, Index, PrimaryColumn, Unique } from "typeorm";
import { CANCEL_PROOFS, type CancelProof, ON_DEATH, type OnDeath } from "../../domain/run-state.ts";
import {
  STAGE_RUN_STATUSES,
  STEP_RUN_STATUSES,
  type StageRunStatus,
  type StepRunStatus,
  WORKFLOW_RUN_STATUSES,
  type WorkflowRunStatus,
} from "../../domain/statuses.ts";
import { RUN_TRIGGER_TYPES, type RunTriggerType } from "../../domain/triggers.ts";
import { bool, integer, json, oneOf, references, text, time, transactionId, uuid } from "./columns.ts";
import { AccountEntity, ProjectEntity } from "./people.ts";
import { WorkflowEntity, WorkflowVersionEntity } from "./workflows.ts";

/** The narrow row that every list reads and every transition locks; wide inputs live beside it. */
@Entity("workflow_run")
@Unique("workflow_run_workflow_id_number_key", ["workflowId", "number"])
@Index("workflow_run_by_project", { synchronize: false })
@Index("workflow_run_by_status", { synchronize: false })
@Index("workflow_run_by_workflow", { synchronize: false })
@Index("workflow_run_to_expire", { synchronize: false })
@Index("workflow_run_by_branch", { synchronize: false })
@Index("workflow_run_by_creator", { synchronize: false })
@Index("workflow_run_by_labels", { synchronize: false })
@Index("workflow_run_by_retry", { synchronize: false })
@Index("workflow_run_by_root", { synchronize: false })
@Index("workflow_run_by_source", { synchronize: false })
@Index("workflow_run_by_parent", { synchronize: false })
@Index("workflow_run_open_child", { synchronize: false })
@Index("workflow_run_to_purge", { synchronize: false })
export class WorkflowRunEntity {
  @PrimaryColumn(uuid("id")) id!: string;
  @Column(uuid("project_id")) projectId!: string;
  @Column(uuid("workflow_id")) workflowId!: string;
  @Column(uuid("workflow_version_id")) workflowVersionId!: string;
  @Column(text("workflow_name")) workflowName!: string;
  @Column(integer("number")) number!: number;
  @Column(oneOf("status", "workflow_run_status", WORKFLOW_RUN_STATUSES)) status!: WorkflowRunStatus;
  @Column(json("status_reason", { nullable: true })) statusReason!: unknown;
  /** The cancel or expiry that was accepted for it. */
  @Column(json("ending", { nullable: true })) ending!: unknown;
  @Column({ name: "progress", type: "smallint" }) progress!: number;
  @Column(integer("step_count")) stepCount!: number;
  /** Steps that have not ended. */
  @Column(integer("open_steps")) openSteps!: number;
  /** Steps that are queued or executing. */
  @Column(integer("active_steps")) activeSteps!: number;
  @Column(integer("last_seq")) lastSeq!: number;
  @Column(integer("revision")) revision!: number;
  @Column(json("labels")) labels!: Record<string, string>;
  @Column(text("message", { nullable: true })) message!: string | null;
  @Column(text("branch", { nullable: true })) branch!: string | null;
  @Column(text("commit", { nullable: true })) commit!: string | null;
  @Column(oneOf("trigger_type", "run_trigger_type", RUN_TRIGGER_TYPES)) triggerType!: RunTriggerType;
  @Column(text("trigger_ref", { nullable: true })) triggerRef!: string | null;
  @Column(uuid("created_by")) createdBy!: string;
  @Column(time("created_at")) createdAt!: Date;
  @Column(time("updated_at")) updatedAt!: Date;
  @Column(time("queued_at", { nullable: true })) queuedAt!: Date | null;
  @Column(time("started_at", { nullable: true })) startedAt!: Date | null;
  @Column(time("finished_at", { nullable: true })) finishedAt!: Date | null;
  @Column(time("finalized_at", { nullable: true })) finalizedAt!: Date | null;
  @Column(time("expires_at")) expiresAt!: Date;
  /** The pause that was accepted for it. */
  @Column(json("pause", { nullable: true })) pause!: unknown;
  @Column(integer("max_parallel_steps", { nullable: true })) maxParallelSteps!: number | null;
  @Column(integer("step_retries", { nullable: true })) stepRetries!: number | null;
  /** Milliseconds; a reopened run gets them again. */
  @Column({ name: "timeout_ms", type: "bigint" }) timeoutMs!: string;
  /** It is finalized as soon as it has ended. */
  @Column(bool("sealing", { default: false })) sealing!: boolean;
  @Column(json("annotations", { default: {} })) annotations!: Record<string, string>;
  @Column(uuid("retry_of_id", { nullable: true })) retryOfId!: string | null;
  /** The first run of a chain of retries; null for that one itself. */
  @Column(uuid("root_run_id", { nullable: true })) rootRunId!: string | null;
  @Column(uuid("source_run_id", { nullable: true })) sourceRunId!: string | null;
  @Column(uuid("parent_run_id", { nullable: true })) parentRunId!: string | null;
  @Column(integer("parent_step_idx", { nullable: true })) parentStepIndex!: number | null;
  @Column(integer("parent_attempt", { nullable: true })) parentAttempt!: number | null;
  /** Hidden everywhere from then on; a duty removes the rows once nothing of it runs any more. */
  @Column(time("deleted_at", { nullable: true })) deletedAt!: Date | null;
  @references(() => ProjectEntity, "workflow_run", "project_id", "CASCADE") project?: ProjectEntity;
  @references(() => WorkflowEntity, "workflow_run", "workflow_id", "CASCADE") workflow?: WorkflowEntity;
  @references(() => WorkflowVersionEntity, "workflow_run", "workflow_version_id")
  workflowVersion?: WorkflowVersionEntity;
  @references(() => AccountEntity, "workflow_run", "created_by") creator?: AccountEntity;
}

@Entity("workflow_run_input")
export class WorkflowRunInputEntity {
  @PrimaryColumn(uuid("run_id")) runId!: string;
  @Column(json("inputs")) inputs!: Record<string, unknown>;
  @Column(json("payload", { nullable: true })) payload!: unknown;
  @Column(json("env_vars")) envVars!: { key: string; value: string }[];
  @Column(bool("debug", { default: false })) debug!: boolean;
  /** Commits since the branch's previous run, told by the runner that checked out first. */
  @Column(json("commits", { nullable: true })) commits!: unknown;
}

@Entity("stage_run")
export class StageRunEntity {
  @PrimaryColumn(uuid("run_id")) runId!: string;
  @PrimaryColumn(integer("idx")) index!: number;
  @Column(oneOf("status", "stage_run_status", STAGE_RUN_STATUSES)) status!: StageRunStatus;
  @Column(json("status_reason", { nullable: true })) statusReason!: unknown;
  @Column(integer("open_steps")) openSteps!: number;
  @Column(integer("active_steps")) activeSteps!: number;
  @Column(time("started_at", { nullable: true })) startedAt!: Date | null;
  @Column(time("finished_at", { nullable: true })) finishedAt!: Date | null;
}

@Entity("step_run")
@Index("step_run_ready", { synchronize: false })
@Index("step_run_held", { synchronize: false })
@Index("step_run_due", { synchronize: false })
@Index("step_run_progress", { synchronize: false })
export class StepRunEntity {
  @PrimaryColumn(uuid("run_id")) runId!: string;
  @PrimaryColumn(integer("idx")) index!: number;
  @Column(integer("stage_idx")) stageIndex!: number;
  @Column(oneOf("status", "step_run_status", STEP_RUN_STATUSES)) status!: StepRunStatus;
  @Column(json("status_reason", { nullable: true })) statusReason!: unknown;
  @Column(integer("pending")) pending!: number;
  /** Its pool while a runner may claim it, else null: the queue is this column's index. */
  @Column(integer("ready_pool", { nullable: true })) readyPool!: number | null;
  @Column(integer("fence")) fence!: number;
  @Column(integer("attempt")) attempt!: number;
  @Column({ name: "lost", type: "smallint" }) lost!: number;
  /** The runner session that holds it. */
  @Column({ name: "session_id", type: "bigint", nullable: true }) sessionId!: string | null;
  @Column(time("leased_at", { nullable: true })) leasedAt!: Date | null;
  @Column(time("started_at", { nullable: true })) startedAt!: Date | null;
  @Column(time("finished_at", { nullable: true })) finishedAt!: Date | null;
  @Column(time("due_at", { nullable: true })) dueAt!: Date | null;
  @Column(integer("exit_code", { nullable: true })) exitCode!: number | null;
  @Column(oneOf("cancel_proof", "cancel_proof", CANCEL_PROOFS, { nullable: true }))
  cancelProof!: CancelProof | null;
  /** What becomes of it once what it does is confirmed dead. */
  @Column(oneOf("on_death", "step_on_death", ON_DEATH, { nullable: true })) onDeath!: OnDeath | null;
  /** Starts that cost no try. */
  @Column(integer("free_starts", { default: 0 })) freeStarts!: number;
  /** Its tests decide how it ends. */
  @Column(bool("gated", { default: false })) gated!: boolean;
  /** 0..100, as its newest attempt told. */
  @Column({ name: "progress", type: "smallint", default: 0 }) progress!: number;
  /** When an event last told its progress. */
  @Column(time("progressed_at", { nullable: true })) progressedAt!: Date | null;
  @Column(integer("trace_count", { default: 0 })) traceCount!: number;
}

/** The result of a step that no attempt gave: forced, completed from outside, or reused from another run. */
@Entity("step_result")
export class StepResultEntity {
  @PrimaryColumn(uuid("run_id")) runId!: string;
  @PrimaryColumn(integer("idx")) index!: number;
  @Column(json("output", { nullable: true })) output!: Record<string, unknown> | null;
  /** How an external system completed it. */
  @Column(json("completion", { nullable: true })) completion!: unknown;
  @Column(uuid("reused_run_id", { nullable: true })) reusedRunId!: string | null;
  @Column(integer("reused_idx", { nullable: true })) reusedIndex!: number | null;
}

/** What is left of a deleted run, so that lists and resumed streams learn of it. */
@Entity("run_tombstone")
export class RunTombstoneEntity {
  @PrimaryColumn(uuid("run_id")) runId!: string;
  @Column(uuid("project_id")) projectId!: string;
  @Column(integer("seq")) seq!: number;
  @Column(transactionId) xid!: string;
  @Column(uuid("actor_id", { nullable: true })) actorId!: string | null;
  @Column(time("at")) at!: Date;
  @references(() => ProjectEntity, "run_tombstone", "project_id", "CASCADE") project?: ProjectEntity;
}

/** That a transaction changed a run, or a request for approval of it. Written by triggers. */
@Entity("run_change")
export class RunChangeEntity {
  @PrimaryColumn(transactionId) xid!: string;
  @PrimaryColumn(uuid("run_id")) runId!: string;
  /** The step that asks for approval; -1 = the run itself. */
  @PrimaryColumn(integer("step_idx", { default: -1 })) stepIndex!: number;
  @PrimaryColumn(integer("attempt", { default: 0 })) attempt!: number;
  @Column(uuid("project_id")) projectId!: string;
  @Column(bool("created")) created!: boolean;
  @Column(time("at", { default: () => "now()" })) at!: Date;
}
