import { Column, Entity, Index, PrimaryColumn } from "typeorm";
import { integer, references, text, time, uuid } from "./columns.ts";
import { AccountEntity, ProjectEntity } from "./people.ts";
import { WorkflowEntity } from "./workflows.ts";

/** A value that steps can use and nobody can read. */
@Entity("secret")
@Index("secret_by_name", { synchronize: false })
export class SecretEntity {
  @PrimaryColumn(uuid("id")) id!: string;
  @Column(uuid("project_id")) projectId!: string;
  /** Null = it belongs to the whole project. */
  @Column(uuid("workflow_id", { nullable: true })) workflowId!: string | null;
  @Column(text("name")) name!: string;
  /** Encrypted, for this row alone. */
  @Column({ name: "value", type: "bytea" }) value!: Buffer;
  @Column(integer("revision", { default: 1 })) revision!: number;
  @Column(uuid("created_by")) createdBy!: string;
  @Column(time("created_at")) createdAt!: Date;
  @Column(uuid("updated_by")) updatedBy!: string;
  @Column(time("updated_at")) updatedAt!: Date;
  @references(() => ProjectEntity, "secret", "project_id", "CASCADE") project?: ProjectEntity;
  @references(() => WorkflowEntity, "secret", "workflow_id", "CASCADE") workflow?: WorkflowEntity;
  @references(() => AccountEntity, "secret", "created_by") creator?: AccountEntity;
  @references(() => AccountEntity, "secret", "updated_by") editor?: AccountEntity;
}
