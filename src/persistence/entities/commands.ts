import { Column, Entity, Index, PrimaryColumn, PrimaryGeneratedColumn } from "typeorm";
import { BULK_ACTIONS, BULK_STATUSES, type BulkAction, type BulkStatus } from "../../domain/bulk.ts";
import { RUN_SIGNAL_KINDS, type RunSignalKind } from "../../domain/signals.ts";
import { integer, json, oneOf, references, text, time, uuid } from "./columns.ts";
import { AccountEntity, ProjectEntity } from "./people.ts";

/** Something that one run tells another; gone once it was applied. */
@Entity("run_signal")
export class RunSignalEntity {
  @PrimaryGeneratedColumn("identity", { type: "bigint", generatedIdentity: "ALWAYS" }) id!: string;
  @Column(uuid("target_run_id")) targetRunId!: string;
  @Column(oneOf("kind", "run_signal_kind", RUN_SIGNAL_KINDS)) kind!: RunSignalKind;
  @Column(json("payload")) payload!: unknown;
  /** It could not be applied and waits; null = it was not tried yet. */
  @Column(time("next_try_at", { nullable: true })) nextTryAt!: Date | null;
  @Column(time("created_at")) createdAt!: Date;
}

/** A command that was carried out under a key: asked again, it answers the same and does nothing. */
@Entity("idempotency_key")
@Index("idempotency_key_by_age", { synchronize: false })
export class IdempotencyKeyEntity {
  @PrimaryColumn(uuid("project_id")) projectId!: string;
  @PrimaryColumn(uuid("actor_id")) actorId!: string;
  @PrimaryColumn(text("mutation")) mutation!: string;
  @PrimaryColumn(text("key")) key!: string;
  /** SHA-256 of the input. */
  @Column({ name: "hash", type: "bytea" }) hash!: Buffer;
  @Column(json("result", { nullable: true })) result!: unknown;
  @Column(time("created_at")) createdAt!: Date;
}

@Entity("bulk_operation")
@Index("bulk_operation_by_creator", { synchronize: false })
@Index("bulk_operation_running", { synchronize: false })
export class BulkOperationEntity {
  @PrimaryColumn(uuid("id")) id!: string;
  /** Null = over all projects of its creator. */
  @Column(uuid("project_id", { nullable: true })) projectId!: string | null;
  @Column(oneOf("action", "bulk_action", BULK_ACTIONS)) action!: BulkAction;
  @Column(json("arguments")) arguments!: unknown;
  @Column(oneOf("status", "bulk_status", BULK_STATUSES)) status!: BulkStatus;
  @Column(integer("total")) total!: number;
  @Column(integer("succeeded", { default: 0 })) succeeded!: number;
  @Column(integer("failed", { default: 0 })) failed!: number;
  @Column(uuid("created_by")) createdBy!: string;
  /** The one project that its creator's token was limited to. */
  @Column(uuid("only_project_id", { nullable: true })) onlyProjectId!: string | null;
  @Column(time("created_at")) createdAt!: Date;
  @Column(time("updated_at")) updatedAt!: Date;
  /** Somebody works on it until then; whoever finds this in the past goes on. */
  @Column(time("leased_until", { nullable: true })) leasedUntil!: Date | null;
  @Column(time("finished_at", { nullable: true })) finishedAt!: Date | null;
  @references(() => ProjectEntity, "bulk_operation", "project_id", "CASCADE") project?: ProjectEntity;
  @references(() => AccountEntity, "bulk_operation", "created_by") creator?: AccountEntity;
}

/** One run of a bulk operation: chosen when it was created, whatever changes meanwhile. */
@Entity("bulk_operation_item")
@Index("bulk_operation_item_open", { synchronize: false })
export class BulkOperationItemEntity {
  @PrimaryColumn(uuid("operation_id")) operationId!: string;
  @PrimaryColumn(integer("position")) position!: number;
  @Column(uuid("run_id")) runId!: string;
  /** Null while it waits for its turn. */
  @Column(text("outcome", { nullable: true })) outcome!: string | null;
  @Column(text("message", { nullable: true })) message!: string | null;
  @Column(uuid("new_run_id", { nullable: true })) newRunId!: string | null;
  @Column(time("done_at", { nullable: true })) doneAt!: Date | null;
  @references(() => BulkOperationEntity, "bulk_operation_item", "operation_id", "CASCADE")
  operation?: BulkOperationEntity;
}
