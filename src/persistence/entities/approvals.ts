import { Column, Entity, Index, PrimaryColumn } from "typeorm";
import {
  APPROVAL_STATUSES,
  APPROVAL_VERDICTS,
  type ApprovalStatus,
  type ApprovalVerdict,
} from "../../domain/approvals.ts";
import { bool, integer, json, oneOf, references, text, time, uuid } from "./columns.ts";
import { ProjectEntity } from "./people.ts";

/** One request for approval: a step asks again in every attempt. */
@Entity("approval")
@Index("approval_by_project", { synchronize: false })
@Index("approval_pending", { synchronize: false })
export class ApprovalEntity {
  @PrimaryColumn(uuid("run_id")) runId!: string;
  @PrimaryColumn(integer("step_idx")) stepIndex!: number;
  @PrimaryColumn(integer("attempt")) attempt!: number;
  @Column(uuid("project_id")) projectId!: string;
  @Column(oneOf("status", "approval_status", APPROVAL_STATUSES)) status!: ApprovalStatus;
  @Column(integer("quorum")) quorum!: number;
  /** Usernames; null = everyone whose role allows it. */
  @Column(text("approvers", { array: true, nullable: true })) approvers!: string[] | null;
  @Column(bool("self_approval")) selfApproval!: boolean;
  @Column(text("prompt", { nullable: true })) prompt!: string | null;
  @Column(time("requested_at")) requestedAt!: Date;
  @Column(time("due_at", { nullable: true })) dueAt!: Date | null;
  @Column(time("closed_at", { nullable: true })) closedAt!: Date | null;
  @references(() => ProjectEntity, "approval", "project_id", "CASCADE") project?: ProjectEntity;
}

@Entity("approval_decision")
export class ApprovalDecisionEntity {
  @PrimaryColumn(uuid("run_id")) runId!: string;
  @PrimaryColumn(integer("step_idx")) stepIndex!: number;
  @PrimaryColumn(integer("attempt")) attempt!: number;
  @PrimaryColumn(uuid("actor_id")) actorId!: string;
  @Column(oneOf("verdict", "approval_verdict", APPROVAL_VERDICTS)) verdict!: ApprovalVerdict;
  @Column(text("comment", { nullable: true })) comment!: string | null;
  @Column(json("fields")) fields!: Record<string, unknown>;
  @Column(time("at")) at!: Date;
}
