import "reflect-metadata";
import { type GraphQLSchema, isInputObjectType } from "graphql";
import { buildSchemaSync, type PubSub } from "type-graphql";
import { guardRootFields } from "./guard.ts";
import { ApprovalDecisionResolver, ApprovalResolver } from "./resolvers/approval-resolver.ts";
import { ApprovalsPendingSubscription } from "./resolvers/approvals-pending-subscription.ts";
import {
  ArtifactResolver,
  StepArtifactsResolver,
  TaskArtifactsResolver,
  WorkflowRunArtifactsResolver,
} from "./resolvers/artifact-resolvers.ts";
import { AuditResolver } from "./resolvers/audit-resolver.ts";
import { BulkMutations } from "./resolvers/bulk-mutations.ts";
import { BulkProgressSubscription } from "./resolvers/bulk-progress-subscription.ts";
import { BulkItemResolver, BulkOperationResolver } from "./resolvers/bulk-resolver.ts";
import { StepRunCapabilities, WorkflowRunCapabilities } from "./resolvers/capability-resolvers.ts";
import { LogFileMutations, LogFileResolver } from "./resolvers/log-file-resolver.ts";
import { AttemptLogResolver, RunLogResolver, StepLogResolver } from "./resolvers/log-resolver.ts";
import { LogSearchResolver } from "./resolvers/log-search-resolver.ts";
import {
  ManagementAccounts,
  ProjectMemberResolver,
  ServiceAccountResolver,
} from "./resolvers/management-accounts.ts";
import { ManagementProjects } from "./resolvers/management-projects.ts";
import { ApiTokenResolver, ManagementTokens } from "./resolvers/management-tokens.ts";
import { ManagementWorkflows } from "./resolvers/management-workflows.ts";
import { NodeResolver } from "./resolvers/node-resolver.ts";
import { ProjectResolver } from "./resolvers/project-resolver.ts";
import { RunComparisonResolver } from "./resolvers/run-comparison-resolver.ts";
import { RunCountsSubscription } from "./resolvers/run-counts-subscription.ts";
import { RunDetailsResolver } from "./resolvers/run-details-resolver.ts";
import { RunLinksResolver } from "./resolvers/run-links-resolver.ts";
import { RunListResolver } from "./resolvers/run-list-resolver.ts";
import { RunLogsSubscription } from "./resolvers/run-logs-subscription.ts";
import { RunMakingMutations } from "./resolvers/run-making-mutations.ts";
import { RunMutations } from "./resolvers/run-mutations.ts";
import { RunSummaryResolver } from "./resolvers/run-summary-resolver.ts";
import { RunnerListResolver } from "./resolvers/runner-list-resolver.ts";
import { RunnerResolver } from "./resolvers/runner-resolver.ts";
import { RunsChangedSubscription } from "./resolvers/runs-changed-subscription.ts";
import { ScheduleResolver } from "./resolvers/schedule-resolver.ts";
import {
  ProjectSecretsResolver,
  SecretResolver,
  WorkflowSecretsResolver,
} from "./resolvers/secret-resolver.ts";
import { StepDetailsResolver, WaitingOnResolver } from "./resolvers/step-details-resolver.ts";
import { StepListResolver } from "./resolvers/step-list-resolver.ts";
import { StepMutations } from "./resolvers/step-mutations.ts";
import { StageRunResolver, StepAttemptResolver, StepRunResolver } from "./resolvers/step-run-resolver.ts";
import { StepTelling } from "./resolvers/step-telling.ts";
import { Subscriptions } from "./resolvers/subscriptions.ts";
import {
  RunTestsComparisonResolver,
  TestComparisonResolver,
  TestStatisticsResolver,
  TestSummaryResolver,
} from "./resolvers/test-history-resolver.ts";
import { StepTestsResolver, TestListResolver } from "./resolvers/test-list-resolver.ts";
import { TestAttemptLogResolver, TestRunLogResolver } from "./resolvers/test-log-resolver.ts";
import { TestMutations } from "./resolvers/test-mutations.ts";
import { TestProtocolResolver } from "./resolvers/test-protocol-resolver.ts";
import {
  RunTestCountsResolver,
  StepTestCountsResolver,
  TestReviewResolver,
  TestRunResolver,
} from "./resolvers/test-run-resolver.ts";
import { TestsChangedSubscription } from "./resolvers/tests-changed-subscription.ts";
import { ViewerResolver } from "./resolvers/viewer-resolver.ts";
import { WebhookResolver } from "./resolvers/webhook-resolver.ts";
import { WorkflowResolver, WorkflowVersionResolver } from "./resolvers/workflow-resolver.ts";
import { WorkflowRunResolver } from "./resolvers/workflow-run-resolver.ts";
import { WorkflowTriggersResolver } from "./resolvers/workflow-triggers-resolver.ts";
import { DateTime } from "./scalars.ts";
import { ArtifactAddedResolver, LogFileAddedResolver } from "./types/file-events.ts";
import { ApprovalsPendingChanged, WorkflowRunsChanged } from "./types/list-changes.ts";
import { BulkOperationProgressed, TestRunsChanged } from "./types/progress-messages.ts";
import {
  ApprovalDecidedResolver,
  ApprovalRequestedResolver,
  RUN_EVENT_OBJECTS,
  RunEventResolver,
  StageStatusChangedResolver,
  StepStatusChangedResolver,
} from "./types/run-event.ts";
import { StatusReasonResolver } from "./types/status-reason.ts";
import { LogEnd, LogGap, LogLines } from "./types/step-log.ts";
import { CaughtUp, Checkpoint, Reset } from "./types/stream.ts";
import { StepProgressedResolver, StepTracedResolver } from "./types/telling-events.ts";
import { TestEventResolver, TestsDiscoveredResolver } from "./types/test-events.ts";
import { TestAttempt } from "./types/test-run.ts";
import { USER_ERROR_TYPES } from "./user-errors.ts";

/** Inputs of which exactly one field must be given. */
const ONE_OF = new Set([
  "StreamPosition",
  "StepRunSelector",
  "WorkflowRunSelector",
  "AccountRef",
  "TestRunSelector",
  "SecretOwner",
]);

/** type-graphql asks for one as soon as there is a subscription; ours bring their own streams. */
const noPubSub: PubSub = {
  publish(): never {
    throw new Error("subscriptions follow the database, nothing is published here");
  },
  subscribe(): never {
    throw new Error("subscriptions follow the database, nothing is published here");
  },
};

export function buildApiSchema(): GraphQLSchema {
  const schema = buildSchemaSync({
    resolvers: [
      ViewerResolver,
      NodeResolver,
      ProjectResolver,
      ManagementProjects,
      ManagementAccounts,
      ManagementTokens,
      ManagementWorkflows,
      ProjectMemberResolver,
      ServiceAccountResolver,
      ApiTokenResolver,
      WorkflowResolver,
      WorkflowVersionResolver,
      WorkflowRunResolver,
      RunListResolver,
      RunSummaryResolver,
      RunComparisonResolver,
      RunDetailsResolver,
      RunLinksResolver,
      StepListResolver,
      StepDetailsResolver,
      WaitingOnResolver,
      ApprovalResolver,
      ApprovalDecisionResolver,
      RunnerListResolver,
      AuditResolver,
      StageRunResolver,
      StepRunResolver,
      StepAttemptResolver,
      StatusReasonResolver,
      RunMutations,
      RunMakingMutations,
      WorkflowRunCapabilities,
      StepRunCapabilities,
      BulkMutations,
      BulkOperationResolver,
      BulkItemResolver,
      StepMutations,
      RunnerResolver,
      ScheduleResolver,
      WebhookResolver,
      WorkflowTriggersResolver,
      SecretResolver,
      ProjectSecretsResolver,
      WorkflowSecretsResolver,
      StepTelling,
      RunEventResolver,
      StageStatusChangedResolver,
      StepStatusChangedResolver,
      ApprovalRequestedResolver,
      ApprovalDecidedResolver,
      StepProgressedResolver,
      StepTracedResolver,
      ArtifactAddedResolver,
      ArtifactResolver,
      StepArtifactsResolver,
      WorkflowRunArtifactsResolver,
      TaskArtifactsResolver,
      LogFileAddedResolver,
      AttemptLogResolver,
      StepLogResolver,
      RunLogResolver,
      LogFileResolver,
      LogFileMutations,
      LogSearchResolver,
      RunLogsSubscription,
      Subscriptions,
      RunsChangedSubscription,
      RunCountsSubscription,
      ApprovalsPendingSubscription,
      TestsChangedSubscription,
      BulkProgressSubscription,
      TestRunResolver,
      TestReviewResolver,
      TestRunLogResolver,
      TestAttemptLogResolver,
      StepTestCountsResolver,
      RunTestCountsResolver,
      StepTestsResolver,
      TestListResolver,
      TestStatisticsResolver,
      TestSummaryResolver,
      TestComparisonResolver,
      RunTestsComparisonResolver,
      TestMutations,
      TestProtocolResolver,
      TestEventResolver,
      TestsDiscoveredResolver,
    ],
    orphanedTypes: [
      ...USER_ERROR_TYPES,
      ...RUN_EVENT_OBJECTS,
      TestAttempt,
      LogLines,
      LogGap,
      LogEnd,
      CaughtUp,
      Checkpoint,
      Reset,
      WorkflowRunsChanged,
      ApprovalsPendingChanged,
      TestRunsChanged,
      BulkOperationProgressed,
    ],
    scalarsMap: [{ type: Date, scalar: DateTime }],
    pubSub: noPubSub,
    validate: false,
  });
  for (const type of Object.values(schema.getTypeMap())) {
    // graphql 16 enforces @oneOf on the built type only; type-graphql cannot set it.
    if (isInputObjectType(type) && ONE_OF.has(type.name)) type.isOneOf = true;
  }
  guardRootFields(schema);
  return schema;
}
