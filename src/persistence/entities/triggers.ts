import { Column, Entity, Index, PrimaryColumn, Unique } from "typeorm";
import { MISSED_RUNS, type MissedRuns } from "../../domain/triggers.ts";
import { bool, integer, json, oneOf, references, text, time, uuid } from "./columns.ts";
import { AccountEntity, ProjectEntity } from "./people.ts";
import { WorkflowEntity } from "./workflows.ts";

/** Makes runs of a workflow at the times that a cron expression names. */
@Entity("schedule")
@Unique("schedule_workflow_id_name_key", ["workflowId", "name"])
@Index("schedule_due", { synchronize: false })
export class ScheduleEntity {
  @PrimaryColumn(uuid("id")) id!: string;
  @Column(uuid("project_id")) projectId!: string;
  @Column(uuid("workflow_id")) workflowId!: string;
  @Column(text("name")) name!: string;
  @Column(text("cron")) cron!: string;
  @Column(text("time_zone")) timeZone!: string;
  @Column(oneOf("missed_runs", "missed_runs", MISSED_RUNS)) missedRuns!: MissedRuns;
  @Column(bool("enabled")) enabled!: boolean;
  /** What its runs are started with. */
  @Column(json("options")) options!: unknown;
  @Column(time("next_at", { nullable: true })) nextAt!: Date | null;
  @Column(time("last_fired_at", { nullable: true })) lastFiredAt!: Date | null;
  @Column(uuid("last_run_id", { nullable: true })) lastRunId!: string | null;
  @Column(text("last_error", { nullable: true })) lastError!: string | null;
  @Column(integer("revision", { default: 1 })) revision!: number;
  @Column(uuid("created_by")) createdBy!: string;
  @Column(time("created_at")) createdAt!: Date;
  @Column(time("updated_at")) updatedAt!: Date;
  @references(() => ProjectEntity, "schedule", "project_id", "CASCADE") project?: ProjectEntity;
  @references(() => WorkflowEntity, "schedule", "workflow_id", "CASCADE") workflow?: WorkflowEntity;
  @references(() => AccountEntity, "schedule", "created_by") creator?: AccountEntity;
}

/** An address that other systems call to start a workflow. */
@Entity("webhook")
@Unique("webhook_workflow_id_name_key", ["workflowId", "name"])
export class WebhookEntity {
  @PrimaryColumn(uuid("id")) id!: string;
  @Column(uuid("project_id")) projectId!: string;
  @Column(uuid("workflow_id")) workflowId!: string;
  @Column(text("name")) name!: string;
  /** The key that deliveries are signed with, encrypted. */
  @Column({ name: "secret", type: "bytea" }) secret!: Buffer;
  /** Where in the payload each input is found. */
  @Column(json("mapping")) mapping!: unknown;
  @Column(bool("enabled")) enabled!: boolean;
  @Column(time("last_delivery_at", { nullable: true })) lastDeliveryAt!: Date | null;
  @Column(integer("revision", { default: 1 })) revision!: number;
  @Column(uuid("created_by")) createdBy!: string;
  @Column(time("created_at")) createdAt!: Date;
  @Column(time("updated_at")) updatedAt!: Date;
  @references(() => ProjectEntity, "webhook", "project_id", "CASCADE") project?: ProjectEntity;
  @references(() => WorkflowEntity, "webhook", "workflow_id", "CASCADE") workflow?: WorkflowEntity;
  @references(() => AccountEntity, "webhook", "created_by") creator?: AccountEntity;
}

/** A delivery that was accepted: the same one again makes no second run. */
@Entity("webhook_delivery")
@Index("webhook_delivery_by_age", { synchronize: false })
export class WebhookDeliveryEntity {
  @PrimaryColumn(uuid("webhook_id")) webhookId!: string;
  @PrimaryColumn(text("key")) key!: string;
  @Column(uuid("run_id", { nullable: true })) runId!: string | null;
  @Column(time("at")) at!: Date;
  @references(() => WebhookEntity, "webhook_delivery", "webhook_id", "CASCADE") webhook?: WebhookEntity;
}
