/** The runner protocol as the server publishes it: what the runner sends is executed against this schema. */
export const PROTOCOL_SCHEMA = `
scalar DateTime
scalar JSON
type Query { none: Boolean }
type Mutation {
  registerRunner(input: RegisterRunnerInput!): RegisterRunnerPayload!
  claimTasks(input: ClaimTasksInput!): ClaimTasksPayload!
  heartbeatRunner(input: HeartbeatRunnerInput!): HeartbeatRunnerPayload!
  reportTasks(input: ReportTasksInput!): ReportTasksPayload!
  appendLogs(input: AppendLogsInput!): AppendLogsPayload!
  pinRunSource(input: PinRunSourceInput!): PinRunSourcePayload!
  reportTestRuns(input: ReportTestRunsInput!): ReportTestRunsPayload!
}
input RegisterRunnerInput {
  name: String!, queues: [String!]!, labels: [String!]!, capacity: Int!, hostname: String!, version: String!
}
type RegisterRunnerPayload { session: ID!, runnerId: ID!, leaseMs: Int!, heartbeatMs: Int!, maxArtifactBytes: Float! }
input ClaimTasksInput { session: ID!, claimId: String!, max: Int!, waitMs: Int! }
type ClaimTasksPayload { tasks: [Task!]!, cancels: [TaskCancel!]! }
type Task {
  stepRunId: ID!, workflowRunId: ID!, fence: Int!, attempt: Int!, stepRef: String!, workflowName: String!
  runNumber: Int!, spec: JSON!
}
type TaskCancel { stepRunId: ID!, fence: Int!, mode: CancelMode! }
enum CancelMode { GRACEFUL FORCE }
input TaskKeyInput { stepRunId: ID!, fence: Int! }
input HeartbeatRunnerInput { session: ID!, held: [TaskKeyInput!]! }
type HeartbeatRunnerPayload { leaseUntil: DateTime!, cancels: [TaskCancel!]!, lost: [TaskKey!]! }
type TaskKey { stepRunId: ID!, fence: Int! }
input ReportTasksInput { session: ID!, reports: [TaskReportInput!]! }
input TaskReportInput {
  stepRunId: ID!, fence: Int!, kind: TaskReportKind!, outcome: TaskOutcome, exitCode: Int, output: JSON
  error: String, logLength: Int, logCrc32: String
}
enum TaskReportKind { STARTED FINISHED RELEASED }
enum TaskOutcome { SUCCEEDED FAILED TIMED_OUT ABORTED }
type ReportTasksPayload { results: [TaskReportResult!]! }
type TaskReportResult { stepRunId: ID!, fence: Int!, kind: TaskReportKind!, result: ReportResult! }
enum ReportResult { APPLIED STALE }
input AppendLogsInput { session: ID!, appends: [LogAppendInput!]! }
input LogAppendInput { stepRunId: ID!, fence: Int!, part: Int = 0, offset: Int!, data: String! }
type AppendLogsPayload { results: [LogAppendResult!]! }
type LogAppendResult { stepRunId: ID!, fence: Int!, part: Int!, offset: Int!, result: LogAppendOutcome! }
enum LogAppendOutcome { APPENDED MISMATCH SEALED STALE }
input PinRunSourceInput {
  session: ID!, stepRunId: ID!, fence: Int!, commit: String!, branch: String, message: String
  commits: [SourceCommitInput!]
}
input SourceCommitInput { sha: String!, message: String!, author: String!, at: DateTime! }
type PinRunSourcePayload { commit: String!, previousCommit: String }
input ReportTestRunsInput {
  session: ID!, stepRunId: ID!, fence: Int!, discovered: [DiscoveredTestInput!]! = []
  discoveryComplete: Boolean! = false, results: [TestResultInput!]! = [], running: [ID!]! = [], take: Int! = 0
}
input DiscoveredTestInput { key: String!, name: String, suite: String, file: String }
input TestResultInput {
  testId: ID, test: DiscoveredTestInput, status: TestRunStatus!, startedAt: DateTime, durationMs: Float
  exitCode: Int, message: String, details: String, logPart: Int, logLength: Int, logCrc32: String
}
enum TestRunStatus { QUEUED RUNNING PASSED FAILED ERRORED SKIPPED TIMED_OUT CANCELED }
type ReportTestRunsPayload { tests: [TestTask!]!, aborts: [ID!]!, open: Int!, stale: Boolean! }
type TestTask { id: ID!, key: String!, name: String!, suite: String, file: String, attempt: Int! }
`;
