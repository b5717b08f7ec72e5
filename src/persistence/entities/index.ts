import { LogChunkEntity, LogStreamEntity, RunEventEntity, StepAttemptEntity } from "./appended.ts";
import { ApprovalDecisionEntity, ApprovalEntity } from "./approvals.ts";
import {
  BulkOperationEntity,
  BulkOperationItemEntity,
  IdempotencyKeyEntity,
  RunSignalEntity,
} from "./commands.ts";
import { ArtifactEntity, LogFileEntity, OrphanBlobEntity } from "./files.ts";
import {
  AccountEntity,
  ApiTokenEntity,
  AuditEntryEntity,
  InstallationEntity,
  ProjectEntity,
  ProjectMemberEntity,
} from "./people.ts";
import { RunnerEntity, RunnerSessionEntity } from "./runners.ts";
import {
  RunChangeEntity,
  RunTombstoneEntity,
  StageRunEntity,
  StepResultEntity,
  StepRunEntity,
  WorkflowRunEntity,
  WorkflowRunInputEntity,
} from "./runs.ts";
import { SecretEntity } from "./secrets.ts";
import {
  TestAttemptEntity,
  TestCaseEntity,
  TestReviewEntity,
  TestRunEntity,
  TestStepEntity,
} from "./tests.ts";
import { ScheduleEntity, WebhookDeliveryEntity, WebhookEntity } from "./triggers.ts";
import {
  QueuePoolEntity,
  WorkflowEdgeEntity,
  WorkflowEntity,
  WorkflowStepEntity,
  WorkflowVersionEntity,
} from "./workflows.ts";

export const ENTITIES = [
  InstallationEntity,
  AccountEntity,
  ProjectEntity,
  ProjectMemberEntity,
  ApiTokenEntity,
  AuditEntryEntity,
  WorkflowEntity,
  WorkflowVersionEntity,
  QueuePoolEntity,
  WorkflowStepEntity,
  WorkflowEdgeEntity,
  WorkflowRunEntity,
  WorkflowRunInputEntity,
  StageRunEntity,
  StepRunEntity,
  StepResultEntity,
  RunTombstoneEntity,
  RunChangeEntity,
  ApprovalEntity,
  ApprovalDecisionEntity,
  RunSignalEntity,
  IdempotencyKeyEntity,
  BulkOperationEntity,
  BulkOperationItemEntity,
  ScheduleEntity,
  WebhookEntity,
  WebhookDeliveryEntity,
  SecretEntity,
  RunnerEntity,
  RunnerSessionEntity,
  StepAttemptEntity,
  RunEventEntity,
  LogStreamEntity,
  LogChunkEntity,
  TestStepEntity,
  TestCaseEntity,
  TestRunEntity,
  TestAttemptEntity,
  TestReviewEntity,
  ArtifactEntity,
  LogFileEntity,
  OrphanBlobEntity,
];
