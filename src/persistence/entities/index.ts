import { LogChunkEntity, LogStreamEntity, RunEventEntity, StepAttemptEntity } from "./appended.ts";
import {
  AccountEntity,
  ApiTokenEntity,
  AuditEntryEntity,
  InstallationEntity,
  ProjectEntity,
  ProjectMemberEntity,
} from "./people.ts";
import { RunnerEntity, RunnerSessionEntity } from "./runners.ts";
import { StageRunEntity, StepRunEntity, WorkflowRunEntity, WorkflowRunInputEntity } from "./runs.ts";
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
  RunnerEntity,
  RunnerSessionEntity,
  StepAttemptEntity,
  RunEventEntity,
  LogStreamEntity,
  LogChunkEntity,
];
