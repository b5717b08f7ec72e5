import { Column, Entity, Index, PrimaryColumn, PrimaryGeneratedColumn, Unique } from "typeorm";
import { bool, integer, references, text, time, uuid } from "./columns.ts";
import { AccountEntity, ProjectEntity } from "./people.ts";

@Entity("runner")
@Unique("runner_account_id_name_key", ["accountId", "name"])
export class RunnerEntity {
  @PrimaryColumn(uuid("id")) id!: string;
  @Column(uuid("account_id")) accountId!: string;
  /** The one project it works for; null = all. */
  @Column(uuid("project_id", { nullable: true })) projectId!: string | null;
  @Column(text("name")) name!: string;
  @Column(text("hostname")) hostname!: string;
  @Column(text("version")) version!: string;
  @Column(text("queues", { array: true })) queues!: string[];
  @Column(text("labels", { array: true })) labels!: string[];
  @Column(integer("capacity")) capacity!: number;
  @Column(time("created_at")) createdAt!: Date;
  @Column(time("updated_at")) updatedAt!: Date;
  @references(() => AccountEntity, "runner", "account_id", "CASCADE") account?: AccountEntity;
  @references(() => ProjectEntity, "runner", "project_id", "CASCADE") project?: ProjectEntity;
}

/** One life of a runner process. Its lease covers every step it holds: a heartbeat is one row. */
@Entity("runner_session")
@Index("runner_session_alive", { synchronize: false })
@Index("runner_session_dead", { synchronize: false })
export class RunnerSessionEntity {
  @PrimaryGeneratedColumn("identity", { type: "bigint", generatedIdentity: "ALWAYS" }) id!: string;
  @Column(uuid("runner_id")) runnerId!: string;
  @Column(uuid("account_id")) accountId!: string;
  /** What it may be given stays as it was registered, even if the runner registers again with something else. */
  @Column(uuid("project_id", { nullable: true })) projectId!: string | null;
  @Column(text("queues", { array: true })) queues!: string[];
  @Column(text("labels", { array: true })) labels!: string[];
  @Column(time("lease_until")) leaseUntil!: Date;
  @Column(bool("dead", { default: false })) dead!: boolean;
  @Column(text("last_claim_id", { nullable: true })) lastClaimId!: string | null;
  @Column(time("last_claim_at", { nullable: true })) lastClaimAt!: Date | null;
  @Column(time("created_at")) createdAt!: Date;
  @references(() => RunnerEntity, "runner_session", "runner_id", "CASCADE") runner?: RunnerEntity;
}
