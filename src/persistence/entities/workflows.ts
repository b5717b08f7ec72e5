import { Column, Entity, PrimaryColumn, PrimaryGeneratedColumn, Unique } from "typeorm";
import { bool, integer, json, references, text, time, uuid } from "./columns.ts";
import { AccountEntity, ProjectEntity } from "./people.ts";

@Entity("workflow")
@Unique("workflow_project_id_name_key", ["projectId", "name"])
export class WorkflowEntity {
  @PrimaryColumn(uuid("id")) id!: string;
  @Column(uuid("project_id")) projectId!: string;
  @Column(text("name")) name!: string;
  @Column(integer("latest_version", { default: 0 })) latestVersion!: number;
  @Column(integer("last_run_number", { default: 0 })) lastRunNumber!: number;
  @Column(time("created_at")) createdAt!: Date;
  @Column(time("updated_at")) updatedAt!: Date;
  /** It makes no more runs. */
  @Column(time("archived_at", { nullable: true })) archivedAt!: Date | null;
  @Column(integer("revision", { default: 1 })) revision!: number;
  @references(() => ProjectEntity, "workflow", "project_id", "CASCADE") project?: ProjectEntity;
}

/** What a workflow was at one deployment. Never changed: runs keep the version they were made from. */
@Entity("workflow_version")
@Unique("workflow_version_workflow_id_version_key", ["workflowId", "version"])
export class WorkflowVersionEntity {
  @PrimaryColumn(uuid("id")) id!: string;
  @Column(uuid("workflow_id")) workflowId!: string;
  @Column(integer("version")) version!: number;
  /** The normalized definition; `source` is the file as its author wrote it. */
  @Column(json("definition")) definition!: unknown;
  @Column(text("source")) source!: string;
  @Column({ name: "source_hash", type: "bytea" }) sourceHash!: Buffer;
  @Column(uuid("created_by")) createdBy!: string;
  @Column(time("created_at")) createdAt!: Date;
  @references(() => WorkflowEntity, "workflow_version", "workflow_id", "CASCADE") workflow?: WorkflowEntity;
  @references(() => AccountEntity, "workflow_version", "created_by") creator?: AccountEntity;
}

/** Steps that the same runners can take: a queue and the labels a runner must carry. */
@Entity("queue_pool")
@Unique("queue_pool_project_id_queue_labels_key", ["projectId", "queue", "labels"])
export class QueuePoolEntity {
  @PrimaryGeneratedColumn("identity", { type: "integer", generatedIdentity: "ALWAYS" }) id!: number;
  @Column(uuid("project_id")) projectId!: string;
  @Column(text("queue")) queue!: string;
  @Column(text("labels", { array: true })) labels!: string[];
  @references(() => ProjectEntity, "queue_pool", "project_id", "CASCADE") project?: ProjectEntity;
}

/** A step of a version, by position. What every run of the version shares is here and not in its step rows. */
@Entity("workflow_step")
export class WorkflowStepEntity {
  @PrimaryColumn(uuid("version_id")) versionId!: string;
  @PrimaryColumn(integer("idx")) index!: number;
  @Column(integer("stage_idx")) stageIndex!: number;
  @Column(text("ref")) ref!: string;
  @Column(text("name", { nullable: true })) name!: string | null;
  @Column(text("type")) type!: string;
  @Column(integer("needs", { array: true })) needs!: number[];
  /** It also waits for all earlier stages. */
  @Column(bool("behind_barrier")) behindBarrier!: boolean;
  @Column(integer("pool_id")) poolId!: number;
  /** Once its needs are met it goes to the queue and nothing else has to be decided. */
  @Column(bool("queue_when_ready")) queueWhenReady!: boolean;
  @references(() => WorkflowVersionEntity, "workflow_step", "version_id", "CASCADE")
  version?: WorkflowVersionEntity;
  @references(() => QueuePoolEntity, "workflow_step", "pool_id") pool?: QueuePoolEntity;
}

@Entity("workflow_edge")
export class WorkflowEdgeEntity {
  @PrimaryColumn(uuid("version_id")) versionId!: string;
  @PrimaryColumn(integer("need_idx")) needIndex!: number;
  @PrimaryColumn(integer("dependent_idx")) dependentIndex!: number;
  @references(() => WorkflowVersionEntity, "workflow_edge", "version_id", "CASCADE")
  version?: WorkflowVersionEntity;
}
