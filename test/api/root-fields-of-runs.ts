import { encodeId } from "../../src/domain/ids.ts";
import { bulk, command, deed, NOBODY_FINDS, type RootField, row, runners, SESSION } from "./root-field.ts";

const UNKNOWN_BULK = encodeId("BulkOperation", "00000000-0000-7000-8000-00000000abcd");

/** Reading anything of a project, commands to runs and steps, the runners' protocol. */
export const RUN_FIELDS: Readonly<Record<string, RootField>> = {
  "Query.viewer": row("AUTHENTICATED", () => "{ viewer { systemAdmin } }"),
  "Query.projects": row("AUTHENTICATED", () => "{ projects { totalCount { exact } } }"),
  "Query.node": row("PROJECT_USER", ({ run }) => `{ node(id: "${run}") { id } }`),
  "Query.nodes": row(
    "PROJECT_USER",
    ({ workflow, step }) => `{ nodes(ids: ["${workflow}", "${step}"]) { id } }`,
  ),
  "Query.project": row("PROJECT_USER", ({ project }) => `{ project(id: "${project}") { slug } }`),
  "Query.workflow": row(
    "PROJECT_USER",
    ({ project, workflowName }) => `{ workflow(projectId: "${project}", name: "${workflowName}") { id } }`,
  ),
  "Query.workflows": row(
    "PROJECT_USER",
    ({ project }) => `{ workflows(projectId: "${project}") { totalCount { value } nodes { id } } }`,
  ),
  "Query.workflowRun": row("PROJECT_USER", ({ run }) => `{ workflowRun(id: "${run}") { id } }`),
  "Query.workflowRuns": row(
    "PROJECT_USER",
    ({ project }) => `{ workflowRuns(projectId: "${project}") { totalCount { value } nodes { id } } }`,
  ),
  "Query.schedules": row(
    "PROJECT_USER",
    ({ project }) => `{ schedules(projectId: "${project}") { totalCount { value } nodes { id } } }`,
  ),
  "Query.webhooks": row(
    "PROJECT_USER",
    ({ project }) => `{ webhooks(projectId: "${project}") { totalCount { value } nodes { id } } }`,
  ),
  "Query.stepRuns": row(
    "PROJECT_USER",
    ({ project }) => `{ stepRuns(projectId: "${project}") { totalCount { value } nodes { __typename } } }`,
  ),
  "Query.approvals": row(
    "PROJECT_USER",
    ({ project }) => `{ approvals(projectId: "${project}") { totalCount { value } nodes { __typename } } }`,
  ),
  "Query.testRuns": row(
    "PROJECT_USER",
    ({ project }) => `{ testRuns(projectId: "${project}") { totalCount { value } nodes { __typename } } }`,
  ),
  "Query.testHistory": row(
    "PROJECT_USER",
    ({ workflow }) => `{ testHistory(workflowId: "${workflow}", key: "k") { totalCount { value } } }`,
  ),
  "Query.flakyTests": row(
    "PROJECT_USER",
    ({ project }) => `{ flakyTests(projectId: "${project}") { __typename } }`,
  ),
  "Query.slowestTests": row(
    "PROJECT_USER",
    ({ project }) => `{ slowestTests(projectId: "${project}") { __typename } }`,
  ),
  "Query.logSearch": row(
    "PROJECT_USER",
    ({ project }) => `{ logSearch(projectId: "${project}", text: "x") { hasMore } }`,
  ),
  "Query.runners": row(
    "PROJECT_USER",
    ({ project }) => `{ runners(projectId: "${project}") { totalCount { value } nodes { __typename } } }`,
  ),
  "Query.auditLog": row(
    "PROJECT_ADMIN",
    ({ project }) => `{ auditLog(projectId: "${project}") { totalCount { value } nodes { __typename } } }`,
  ),
  "Query.workflowRunCounts": row(
    "PROJECT_USER",
    ({ project }) => `{ workflowRunCounts(projectId: "${project}") { __typename } }`,
  ),
  "Query.workflowRunStats": row(
    "PROJECT_USER",
    ({ project }) => `{ workflowRunStats(projectId: "${project}") { __typename } }`,
  ),
  "Query.workflowRunFacets": row(
    "PROJECT_USER",
    ({ project }) => `{ workflowRunFacets(projectId: "${project}") { __typename } }`,
  ),
  "Query.compareWorkflowRuns": row(
    "PROJECT_USER",
    ({ run }) => `{ compareWorkflowRuns(baseId: "${run}", headId: "${run}") { __typename } }`,
  ),

  "Mutation.triggerWorkflowRun": row("PROJECT_SUPERUSER", ({ workflow }) =>
    command("triggerWorkflowRun", `workflowId: "${workflow}"`),
  ),
  "Mutation.executeWorkflow": row("PROJECT_SUPERUSER", ({ workflow }) =>
    command("executeWorkflow", `workflowId: "${workflow}", waitMs: 0`),
  ),
  "Mutation.startWorkflowRun": row("PROJECT_SUPERUSER", ({ run }) =>
    command("startWorkflowRun", `workflowRunId: "${run}"`),
  ),
  "Mutation.cancelWorkflowRun": row("PROJECT_SUPERUSER", ({ run }) =>
    command("cancelWorkflowRun", `workflowRunId: "${run}"`),
  ),
  "Mutation.pauseWorkflowRun": row("PROJECT_SUPERUSER", ({ run }) =>
    command("pauseWorkflowRun", `workflowRunId: "${run}"`),
  ),
  "Mutation.resumeWorkflowRun": row("PROJECT_SUPERUSER", ({ run }) =>
    command("resumeWorkflowRun", `workflowRunId: "${run}"`),
  ),
  "Mutation.retryWorkflowRun": row("PROJECT_SUPERUSER", ({ run }) =>
    command("retryWorkflowRun", `workflowRunId: "${run}"`),
  ),
  "Mutation.finalizeWorkflowRun": row("PROJECT_SUPERUSER", ({ run }) =>
    command("finalizeWorkflowRun", `workflowRunId: "${run}"`),
  ),
  "Mutation.deleteWorkflowRun": row("PROJECT_SUPERUSER", ({ run }) =>
    command("deleteWorkflowRun", `workflowRunId: "${run}"`),
  ),
  "Mutation.setWorkflowRunLabels": row("PROJECT_SUPERUSER", ({ run }) =>
    command("setWorkflowRunLabels", `workflowRunId: "${run}", labels: {}`),
  ),
  "Mutation.annotateWorkflowRun": row("PROJECT_SUPERUSER", ({ run }) =>
    command("annotateWorkflowRun", `workflowRunId: "${run}", annotations: {}`),
  ),
  "Mutation.abortStepRun": row("PROJECT_SUPERUSER", ({ step }) =>
    command("abortStepRun", `step: { id: "${step}" }`),
  ),
  "Mutation.retryStepRun": row("PROJECT_SUPERUSER", ({ step }) =>
    command("retryStepRun", `step: { id: "${step}" }`),
  ),
  "Mutation.replayStepRunSubtree": row("PROJECT_SUPERUSER", ({ step }) =>
    command("replayStepRunSubtree", `step: { id: "${step}" }`),
  ),
  "Mutation.skipStepRun": row("PROJECT_SUPERUSER", ({ step }) =>
    command("skipStepRun", `step: { id: "${step}" }`),
  ),
  "Mutation.forceCompleteStepRun": row("PROJECT_SUPERUSER", ({ step }) =>
    command("forceCompleteStepRun", `step: { id: "${step}" }`),
  ),
  "Mutation.completeStepRun": row("PROJECT_SUPERUSER", ({ step }) =>
    command("completeStepRun", `step: { id: "${step}" }, success: true`),
  ),
  "Mutation.reportStepProgress": row("PROJECT_SUPERUSER", ({ step }) =>
    command("reportStepProgress", `step: { id: "${step}" }, progress: 1`),
  ),
  "Mutation.recordStepTrace": row("PROJECT_SUPERUSER", ({ step }) =>
    command("recordStepTrace", `step: { id: "${step}" }, kind: NOTE, content: "x"`),
  ),
  // Who may decide is said by the step; where it says nothing, superusers may.
  "Mutation.decideApproval": row(
    "PROJECT_USER",
    ({ approval }) => command("decideApproval", `step: { id: "${approval}" }, verdict: APPROVE`),
    { role: "PROJECT_SUPERUSER" },
  ),

  "Mutation.submitTests": row("PROJECT_SUPERUSER", ({ step }) =>
    command("submitTests", `step: { id: "${step}" }`),
  ),
  "Mutation.rediscoverTests": row("PROJECT_SUPERUSER", ({ step }) =>
    command("rediscoverTests", `step: { id: "${step}" }`),
  ),
  "Mutation.rerunTestRuns": row("PROJECT_SUPERUSER", ({ step }) =>
    command("rerunTestRuns", `tests: { matching: { step: { id: "${step}" } } }`),
  ),
  "Mutation.abortTestRuns": row("PROJECT_SUPERUSER", ({ step }) =>
    command("abortTestRuns", `tests: { matching: { step: { id: "${step}" } } }`),
  ),
  "Mutation.reviewTestRuns": row("PROJECT_SUPERUSER", ({ step }) =>
    command("reviewTestRuns", `tests: { matching: { step: { id: "${step}" } } }, status: APPROVED`),
  ),

  // Each run has an outcome of its own, which says what the viewer's role allows.
  "Mutation.cancelWorkflowRuns": bulk("cancelWorkflowRuns"),
  "Mutation.uploadRunLogs": row("PROJECT_SUPERUSER", ({ run }) =>
    deed("uploadRunLogs", `workflowRunId: "${run}", files: []`),
  ),
  "Mutation.replayWorkflowRuns": bulk("replayWorkflowRuns"),
  "Mutation.retryWorkflowRuns": bulk("retryWorkflowRuns"),
  "Mutation.deleteWorkflowRuns": bulk("deleteWorkflowRuns"),
  "Mutation.setWorkflowRunsLabels": bulk("setWorkflowRunsLabels", ", labels: {}"),
  // No operation of these tests exists: those of others are in the tests of bulk operations.
  "Query.bulkOperations": row("USER_OR_SERVICE", () => "{ bulkOperations { totalCount { exact } } }"),
  "Query.bulkOperation": row("USER_OR_SERVICE", () => `{ bulkOperation(id: "${UNKNOWN_BULK}") { id } }`, {
    exceptions: NOBODY_FINDS,
  }),
  "Mutation.abortBulkOperation": row(
    "USER_OR_SERVICE",
    () => deed("abortBulkOperation", `bulkOperationId: "${UNKNOWN_BULK}"`),
    { exceptions: NOBODY_FINDS },
  ),

  "Mutation.registerRunner": row("RUNNER", () =>
    runners(
      "registerRunner",
      `name: "r", queues: [], labels: [], capacity: 1, hostname: "h", version: "v"`,
      "leaseMs",
    ),
  ),
  "Mutation.claimTasks": row("RUNNER", () =>
    runners("claimTasks", `session: "${SESSION}", claimId: "c", max: 1, waitMs: 0`, "tasks { fence }"),
  ),
  "Mutation.heartbeatRunner": row("RUNNER", () =>
    runners("heartbeatRunner", `session: "${SESSION}", held: []`, "lost { fence }"),
  ),
  "Mutation.reportTasks": row("RUNNER", () =>
    runners("reportTasks", `session: "${SESSION}", reports: []`, "results { fence }"),
  ),
  "Mutation.appendLogs": row("RUNNER", () =>
    runners("appendLogs", `session: "${SESSION}", appends: []`, "results { offset }"),
  ),
  "Mutation.reportTestRuns": row("RUNNER", ({ step }) =>
    runners("reportTestRuns", `session: "${SESSION}", stepRunId: "${step}", fence: 1`, "stale"),
  ),
  "Query.taskArtifacts": row(
    "RUNNER",
    ({ step }) =>
      `{ taskArtifacts(input: { session: "${SESSION}", stepRunId: "${step}", fence: 1 }) { next } }`,
  ),
  "Mutation.pinRunSource": row("RUNNER", ({ step }) =>
    runners(
      "pinRunSource",
      `session: "${SESSION}", stepRunId: "${step}", fence: 1, commit: "${"0".repeat(40)}"`,
      "commit",
    ),
  ),

  "Subscription.runEvents": row(
    "PROJECT_USER",
    ({ run }) => `subscription { runEvents(workflowRunId: "${run}", after: { at: HEAD }) { __typename } }`,
  ),
  "Subscription.runLogs": row(
    "PROJECT_USER",
    ({ run }) => `subscription { runLogs(workflowRunId: "${run}", after: { at: HEAD }) { __typename } }`,
  ),
  "Subscription.stepLogs": row(
    "PROJECT_USER",
    ({ step }) => `subscription { stepLogs(stepRunId: "${step}", after: { at: HEAD }) { __typename } }`,
  ),
  "Subscription.workflowRunsChanged": row(
    "PROJECT_USER",
    ({ project }) =>
      `subscription { workflowRunsChanged(projectId: "${project}", after: { at: HEAD }) { __typename } }`,
  ),
  "Subscription.workflowRunCountsChanged": row(
    "PROJECT_USER",
    ({ project }) => `subscription { workflowRunCountsChanged(projectId: "${project}") { __typename } }`,
  ),
  "Subscription.approvalsPending": row(
    "PROJECT_USER",
    ({ project }) =>
      `subscription { approvalsPending(projectId: "${project}", after: { at: HEAD }) { __typename } }`,
  ),
  "Subscription.testRunsChanged": row(
    "PROJECT_USER",
    ({ step }) =>
      `subscription { testRunsChanged(stepRunId: "${step}", after: { at: HEAD }) { __typename } }`,
  ),
  "Subscription.bulkOperationProgress": row(
    "USER_OR_SERVICE",
    () => `subscription { bulkOperationProgress(id: "${UNKNOWN_BULK}", after: { at: HEAD }) { __typename } }`,
    { exceptions: NOBODY_FINDS },
  ),
};
