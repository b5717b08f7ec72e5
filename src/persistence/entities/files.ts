import { Column, Entity, Index, PrimaryColumn, Unique } from "typeorm";
import { bool, integer, text, time, uuid } from "./columns.ts";

/** A file that an attempt of a step has kept. Written once. */
@Entity("artifact")
@Unique("artifact_run_id_step_idx_attempt_path_key", ["runId", "stepIndex", "attempt", "path"])
@Index("artifact_by_age", { synchronize: false })
export class ArtifactEntity {
  @PrimaryColumn(uuid("id")) id!: string;
  @Column(uuid("run_id")) runId!: string;
  @Column(integer("step_idx")) stepIndex!: number;
  @Column(integer("attempt")) attempt!: number;
  /** Of the lease under which it was sent. */
  @Column(integer("fence")) fence!: number;
  /** Relative to the workspace. */
  @Column(text("path")) path!: string;
  @Column({ name: "size", type: "bigint" }) size!: string;
  @Column({ name: "sha256", type: "bytea" }) sha256!: Buffer;
  @Column(bool("executable")) executable!: boolean;
  @Column(text("blob_key")) blobKey!: string;
  @Column(time("created_at")) createdAt!: Date;
}

/** A file that somebody added to the logs of a run. Until it is complete nobody sees it. */
@Entity("log_file")
@Index("log_file_run", { synchronize: false })
@Index("log_file_unfinished", { synchronize: false })
export class LogFileEntity {
  @PrimaryColumn(uuid("id")) id!: string;
  @Column(uuid("run_id")) runId!: string;
  @Column(integer("step_idx", { nullable: true })) stepIndex!: number | null;
  @Column(text("name")) name!: string;
  @Column({ name: "size_bytes", type: "bigint" }) sizeBytes!: string;
  /** How long it is to be, if its sender said so. */
  @Column({ name: "total_bytes", type: "bigint", nullable: true }) totalBytes!: string | null;
  /** Its bytes in order: one blob for each time that sending was interrupted, and one more. */
  @Column(text("blob_keys", { array: true })) blobKeys!: string[];
  @Column(time("created_at")) createdAt!: Date;
  @Column(uuid("created_by")) createdBy!: string;
  @Column(time("completed_at", { nullable: true })) completedAt!: Date | null;
}

/** A blob that nobody owns any more, or that nobody may come to own: it is written, and its row is not stored yet. */
@Entity("orphan_blob")
@Index("orphan_blob_due", { synchronize: false })
export class OrphanBlobEntity {
  @PrimaryColumn(text("key")) key!: string;
  /** When it goes, unless it has found its owner until then. */
  @Column(time("due")) due!: Date;
}
