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

/** A blob that no row names: one that is being written, or one that is to go. */
@Entity("blob_garbage")
@Index("blob_garbage_by_age", { synchronize: false })
export class BlobGarbageEntity {
  @PrimaryColumn(text("key")) key!: string;
  /** From when on it is nobody's for certain. */
  @Column(time("due_at")) dueAt!: Date;
}
