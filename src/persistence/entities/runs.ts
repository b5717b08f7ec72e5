import { Column, Entity, Index, PrimaryColumn, Unique } from "typeorm";
import { CANCEL_PROOFS, type CancelProof } from "../../domain/run-state.ts";
import {
  STAGE_RUN_STATUSES,
  STEP_RUN_STATUSES,
  type StageRunStatus,
  type StepRunStatus,
  WORKFLOW_RUN_STATUSES,
  type WorkflowRunStatus,
} from "../../domain/statuses.ts";
import { RUN_TRIGGER_TYPES, type RunTriggerType } from "../../domain/triggers.ts";
import { integer, json, oneOf, references, text, time, uuid } from "./columns.ts";
import { AccountEntity, ProjectEntity } from "./people.ts";
import { WorkflowEntity, WorkflowVersionEntity } from "./workflows.ts";

/** The narrow row that every list reads and every transition locks; wide inputs live beside it. */
@Entity("workflow_run")
@Unique("workflow_run_workflow_id_number_key", ["workflowId", "number"])
@Index("workflow_run_by_project", { synchronize: false })
@Index("workflow_run_by_status", { synchronize: false })
@Index("workflow_run_by_workflow", { synchronize: false })
@Index("workflow_run_to_expire", { synchronize: false })
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
}
