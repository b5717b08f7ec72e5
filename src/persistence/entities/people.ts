import { Check, Column, Entity, Index, PrimaryColumn, Unique } from "typeorm";
import { ACCOUNT_TYPES, type AccountType, PROJECT_ROLES, type ProjectRole } from "../../domain/access.ts";
import { bool, integer, json, oneOf, references, text, time, transactionId, uuid, XID8 } from "./columns.ts";

/** One row: what this installation as a whole is. */
@Entity("installation")
@Check("installation_id_check", "id")
export class InstallationEntity {
  @PrimaryColumn(bool("id", { default: true })) id!: boolean;
  /** Raised by an operator after a restore from backup, so that older cursors are not trusted. */
  @Column(integer("restore_counter", { default: 0 })) restoreCounter!: number;
  /** Links to files, and the tokens of tasks, are signed with it. */
  @Column({ name: "signing_key", type: "bytea" }) signingKey!: Buffer;
  @Column(time("created_at", { default: () => "now()" })) createdAt!: Date;
  /** Changes of runs by transactions up to this one may be forgotten. */
  @Column({ name: "change_floor", type: XID8, default: "0" }) changeFloor!: string;
}

@Entity("account")
@Unique("account_username_key", ["username"])
export class AccountEntity {
  @PrimaryColumn(uuid("id")) id!: string;
  @Column(oneOf("type", "account_type", ACCOUNT_TYPES)) type!: AccountType;
  @Column(text("username")) username!: string;
  @Column(text("name")) name!: string;
  @Column(text("avatar_url", { nullable: true })) avatarUrl!: string | null;
  @Column(bool("system_admin", { default: false })) systemAdmin!: boolean;
  @Column(time("created_at")) createdAt!: Date;
  /** Its tokens are refused from then on. */
  @Column(time("disabled_at", { nullable: true })) disabledAt!: Date | null;
}

@Entity("project")
@Unique("project_slug_key", ["slug"])
export class ProjectEntity {
  @PrimaryColumn(uuid("id")) id!: string;
  @Column(text("slug")) slug!: string;
  @Column(text("name")) name!: string;
  @Column(time("created_at")) createdAt!: Date;
  /** Nothing can be started in it any more. */
  @Column(time("archived_at", { nullable: true })) archivedAt!: Date | null;
  @Column(integer("revision", { default: 1 })) revision!: number;
}

@Entity("project_member")
export class ProjectMemberEntity {
  @PrimaryColumn(uuid("project_id")) projectId!: string;
  @PrimaryColumn(uuid("account_id")) accountId!: string;
  @Column(oneOf("role", "project_role", PROJECT_ROLES)) role!: ProjectRole;
  @references(() => ProjectEntity, "project_member", "project_id", "CASCADE") project?: ProjectEntity;
  @references(() => AccountEntity, "project_member", "account_id", "CASCADE") account?: AccountEntity;
}

@Entity("api_token")
@Unique("api_token_hash_key", ["hash"])
export class ApiTokenEntity {
  @PrimaryColumn(uuid("id")) id!: string;
  @Column(uuid("account_id")) accountId!: string;
  /** Limits the token to one project; null = every project of its account. */
  @Column(uuid("project_id", { nullable: true })) projectId!: string | null;
  /** SHA-256 of the token. The token itself is shown once and never stored. */
  @Column({ name: "hash", type: "bytea" }) hash!: Buffer;
  @Column(text("description")) description!: string;
  @Column(time("created_at")) createdAt!: Date;
  @Column(time("expires_at", { nullable: true })) expiresAt!: Date | null;
  @Column(time("revoked_at", { nullable: true })) revokedAt!: Date | null;
  @references(() => AccountEntity, "api_token", "account_id", "CASCADE") account?: AccountEntity;
  @references(() => ProjectEntity, "api_token", "project_id", "CASCADE") project?: ProjectEntity;
}

/** What a person's command did. Kept also when its object is gone, so it references nothing. */
@Entity("audit_entry")
@Index("audit_entry_by_project", { synchronize: false })
export class AuditEntryEntity {
  @PrimaryColumn(uuid("id")) id!: string;
  @Column(uuid("project_id", { nullable: true })) projectId!: string | null;
  @Column(uuid("actor_id", { nullable: true })) actorId!: string | null;
  @Column(text("action")) action!: string;
  @Column(text("target")) target!: string;
  @Column(json("details")) details!: Record<string, unknown>;
  @Column(time("at")) at!: Date;
  @Column(transactionId) xid!: string;
}
