import { registerEnumType } from "type-graphql";
import { RETRY_VERSIONS } from "../actions/retry-workflow-run.ts";
import { RUN_STARTS } from "../actions/run-options.ts";
import { ACCESS, ACCOUNT_TYPES, PROJECT_ROLES } from "../domain/access.ts";
import { APPROVAL_STATUSES, APPROVAL_VERDICTS } from "../domain/approvals.ts";
import { BULK_ACTIONS, BULK_OUTCOMES, BULK_STATUSES } from "../domain/bulk.ts";
import { TASK_OUTCOMES } from "../domain/commands.ts";
import { INPUT_TYPES } from "../domain/definition.ts";
import { RUN_EVENT_TYPES } from "../domain/events.ts";
import { RETRY_MODES } from "../domain/retry-plan.ts";
import { CANCEL_MODES, CANCEL_PROOFS, PAUSE_MODES } from "../domain/run-state.ts";
import {
  RESULTS,
  STAGE_RUN_STATUSES,
  STATUS_REASON_CODES,
  STEP_RUN_STATUSES,
  WORKFLOW_RUN_PHASES,
  WORKFLOW_RUN_STATUSES,
} from "../domain/statuses.ts";
import { MISSED_RUNS, RUN_TRIGGER_TYPES } from "../domain/triggers.ts";
import { LOG_STREAMS } from "../logs/records.ts";
import { LABEL_OPERATORS } from "../persistence/queries/run-filter.ts";
import { RUN_ORDER_FIELDS } from "../persistence/queries/run-list.ts";
import { STATS_BUCKETS } from "../persistence/queries/run-stats.ts";

/** Makes a GraphQL enum whose values are their own names: the domain's words are the schema's words. */
function enumOf<Value extends string>(
  name: string,
  description: string,
  values: readonly Value[],
  valuesConfig: Partial<Record<Value, { description: string }>> = {},
): Record<Value, Value> {
  const members = Object.fromEntries(values.map((value) => [value, value])) as Record<Value, Value>;
  registerEnumType(members, { name, description, valuesConfig });
  return members;
}

export const AccountTypeEnum = enumOf("AccountType", "What kind of account an actor is.", ACCOUNT_TYPES, {
  USER: { description: "A person." },
  SERVICE: { description: "A program that acts for people: CI, an agent, another service." },
  RUNNER: { description: "Executes steps." },
  SYSTEM: { description: "Runcast itself." },
});
export const ProjectRoleEnum = enumOf(
  "ProjectRole",
  "What an account may do in a project, from least to most.",
  PROJECT_ROLES,
  {
    PROJECT_USER: { description: "Reads." },
    PROJECT_SUPERUSER: { description: "Also triggers runs and acts on them." },
    PROJECT_ADMIN: { description: "Also deploys workflows and manages the project." },
  },
);
export const InputTypeEnum = enumOf("WorkflowInputType", "What the value of an input must be.", INPUT_TYPES, {
  string: { description: "Text." },
  number: { description: "A number." },
  boolean: { description: "True or false." },
  choice: { description: "One of the input's options." },
});
export const WorkflowRunStatusEnum = enumOf(
  "WorkflowRunStatus",
  "Where a run stands. SUCCEEDED, FAILED, TIMED_OUT, CANCELED and SKIPPED are final.",
  WORKFLOW_RUN_STATUSES,
  {
    PENDING: { description: "Created, its start has not been asked for." },
    QUEUED: { description: "Started; no step has begun yet." },
    RUNNING: { description: "A step is executing, or will as soon as a runner is free." },
    WAITING: { description: "Every open step waits for something other than a runner." },
    PAUSED: { description: "Paused on request: nothing new is started." },
    CANCELING: { description: "Its end was asked for; the processes of its steps are being stopped." },
    SUCCEEDED: { description: "Every step ended well." },
    FAILED: { description: "A step failed, and no `continueOnError` forgave it." },
    TIMED_OUT: { description: "Its own timeout ended it." },
    CANCELED: { description: "Ended on request; every process is confirmed dead." },
    SKIPPED: { description: "None of its steps had to run." },
  },
);
export const StageRunStatusEnum = enumOf(
  "StageRunStatus",
  "Where a stage of a run stands, derived from its steps. SUCCEEDED, FAILED, CANCELED and SKIPPED are final.",
  STAGE_RUN_STATUSES,
);
export const StepRunStatusEnum = enumOf(
  "StepRunStatus",
  "Where a step of a run stands. SUCCEEDED, FAILED, TIMED_OUT, CANCELED and SKIPPED are final.",
  STEP_RUN_STATUSES,
  {
    PENDING: { description: "Something it depends on has not ended." },
    QUEUED: { description: "Waits for a runner." },
    WAITING: {
      description: "Waits for something other than a runner: a delay, or the backoff before the next try.",
    },
    RUNNING: { description: "A runner executes it." },
    CANCELING: { description: "Its process is being stopped." },
  },
);
export const StatusReasonCodeEnum = enumOf(
  "StatusReasonCode",
  "Why something has its status, for programs.",
  STATUS_REASON_CODES,
  {
    REQUESTED: { description: "Somebody asked for it." },
    CONDITION: { description: "Its `when` did not hold." },
    DEPENDENCY: { description: "Something it depends on did not succeed." },
    ABORTED: { description: "Somebody aborted this part of the run." },
    RUN_CANCELED: { description: "The whole run was canceled." },
    EXPIRED: { description: "The run's timeout is over." },
    TIMEOUT: { description: "The step's timeout is over." },
    EXIT_CODE: { description: "The command ended with a code other than 0." },
    LEASE_LOST: { description: "The runner that executed it was lost." },
    REJECTED: { description: "An approver rejected it." },
    GATE: { description: "Its tests do not allow it to pass." },
    ERROR: { description: "It could not be executed as defined; the message says why." },
  },
);
export const WorkflowRunPhaseEnum = enumOf(
  "WorkflowRunPhase",
  "A run's status in four words.",
  WORKFLOW_RUN_PHASES,
  {
    PENDING: { description: "Not started: PENDING or QUEUED." },
    RUNNING: { description: "Under way." },
    COMPLETED: { description: "Ended; it can still be reopened." },
    FINALIZED: { description: "Ended and sealed." },
  },
);
export const ResultEnum = enumOf("Result", "How something ended, apart from where it stands.", RESULTS, {
  PASSED: { description: "SUCCEEDED." },
  FAILED: { description: "FAILED or TIMED_OUT." },
  ABORTED: { description: "CANCELED." },
  UNKNOWN: { description: "Not ended, or skipped." },
});
export const RunTriggerTypeEnum = enumOf("RunTriggerType", "What made a run.", RUN_TRIGGER_TYPES, {
  MANUAL: { description: "A person." },
  API: { description: "A program with a token of its own." },
  SCHEDULE: { description: "A schedule of the workflow." },
  WEBHOOK: { description: "An inbound webhook." },
  RETRY: { description: "The retry or replay of another run." },
  CHAIN: { description: "It continues from a source run." },
  PARENT: { description: "A step of another run." },
});
export const MissedRunsEnum = enumOf(
  "MissedRuns",
  "What a schedule does about times that passed more than 60 seconds ago without a run, because no server ran.",
  MISSED_RUNS,
  {
    SKIP: { description: "Nothing." },
    RUN_ONCE: { description: "One run for all of them; a time that has just come stands for them too." },
    RUN_ALL: {
      description: "One run for each, the oldest first; of more than 100 only the newest 100.",
    },
  },
);
export const CancelModeEnum = enumOf("CancelMode", "How hard a cancel is.", CANCEL_MODES, {
  GRACEFUL: { description: "SIGTERM, ten seconds of grace, then SIGKILL." },
  FORCE: { description: "SIGKILL at once." },
});
export const CancelProofEnum = enumOf(
  "CancelProof",
  "How it is known that a canceled step is dead.",
  CANCEL_PROOFS,
  {
    CONFIRMED: { description: "Its runner saw all of its processes end." },
    LEASE_EXPIRED: { description: "Its runner fell silent and has killed them by its own rules." },
  },
);
export const RunEventTypeEnum = enumOf(
  "RunEventType",
  "The types of events that a run records.",
  RUN_EVENT_TYPES,
);
export const LogStreamEnum = enumOf("LogStream", "Where a log line comes from.", LOG_STREAMS, {
  stdout: { description: "The command's standard output." },
  stderr: { description: "The command's standard error." },
  system: { description: "The runner itself: checkout, timeout, signals." },
});
export const StreamEdgeEnum = enumOf("StreamEdge", "One of the two ends of a stream.", ["START", "HEAD"], {
  START: { description: "Before everything that is stored: the whole history comes first." },
  HEAD: { description: "Behind everything that is stored: only what happens from now on." },
});
export const RunStreamEndEnum = enumOf(
  "RunStreamEnd",
  "How long a run's event stream lasts.",
  ["FINISHED", "DELETED"],
  {
    FINISHED: { description: "Until the run has ended." },
    DELETED: { description: "Also beyond its end, until the run is deleted: a run can be reopened." },
  },
);
export const LabelOperatorEnum = enumOf("LabelOperator", "How a label is compared.", LABEL_OPERATORS, {
  EQ: { description: "It is this value." },
  IN: { description: "It is one of these values." },
  NOT_IN: { description: "It is none of these values, or missing." },
  EXISTS: { description: "It is there." },
  NOT_EXISTS: { description: "It is missing." },
});
export const OrderDirectionEnum = enumOf("OrderDirection", "Which end of an order comes first.", [
  "ASC",
  "DESC",
]);
export const WorkflowRunOrderFieldEnum = enumOf(
  "WorkflowRunOrderField",
  "What runs can be ordered by.",
  RUN_ORDER_FIELDS,
  {
    CREATED_AT: { description: "When they were made." },
    STARTED_AT: { description: "When they started; those that have not come last." },
    FINISHED_AT: { description: "When they ended; those that have not come last." },
    UPDATED_AT: { description: "When anything about them last changed." },
  },
);
export const ApprovalStatusEnum = enumOf(
  "ApprovalStatus",
  "Where a request for approval stands.",
  APPROVAL_STATUSES,
  {
    PENDING: { description: "It waits for decisions." },
    APPROVED: { description: "Enough have approved." },
    REJECTED: { description: "Somebody rejected it." },
    TIMED_OUT: { description: "Nobody decided in time." },
    CANCELED: { description: "Its step ended without a decision." },
  },
);
export const ApprovalVerdictEnum = enumOf("ApprovalVerdict", "What an approver decides.", APPROVAL_VERDICTS);
export const RUN_GROUPINGS = ["STATUS", "RESULT", "WORKFLOW", "LABEL", "DAY"] as const;
export type RunGrouping = (typeof RUN_GROUPINGS)[number];
export const RunGroupingEnum = enumOf("WorkflowRunGrouping", "By what runs are counted.", RUN_GROUPINGS, {
  STATUS: { description: "By status; every status is there." },
  RESULT: { description: "By result; every result is there." },
  WORKFLOW: { description: "By workflow, also those without such a run; the 250 with the most runs." },
  LABEL: {
    description:
      "By the value of the label `labelKey`; the 250 most frequent. Runs without it are in no group.",
  },
  DAY: { description: "By the day of creation in `timeZone`, with no day left out; at most 366 days." },
});
export const StatsBucketEnum = enumOf(
  "StatsBucket",
  "How long the spans are that runs are summed up in.",
  STATS_BUCKETS,
);
export const STEP_CHANGES = ["SAME", "CHANGED", "FIXED", "BROKEN", "ADDED", "REMOVED"] as const;
export type StepChange = (typeof STEP_CHANGES)[number];
export const StepChangeEnum = enumOf(
  "StepChange",
  "How a step of one run differs from the same step of another.",
  STEP_CHANGES,
  {
    SAME: { description: "It has the same status." },
    CHANGED: { description: "It has another status, and neither FIXED nor BROKEN says how." },
    FIXED: { description: "It failed in the base, and succeeded in the head." },
    BROKEN: { description: "It failed in the head, and not in the base." },
    ADDED: { description: "Only the head has it." },
    REMOVED: { description: "Only the base has it." },
  },
);
export const WAIT_KINDS = [
  "START",
  "DEPENDENCY",
  "CAPACITY",
  "RUNNER_LABELS",
  "SLOT",
  "PAUSE",
  "APPROVAL",
  "EXTERNAL_COMPLETION",
  "CHILD_RUN",
  "DELAY",
  "BACKOFF",
] as const;
export type WaitKind = (typeof WAIT_KINDS)[number];
export const WaitKindEnum = enumOf("WaitKind", "What something waits for.", WAIT_KINDS, {
  START: { description: "Somebody to start the run." },
  DEPENDENCY: { description: "Other steps to end." },
  CAPACITY: { description: "A runner to be free: all that could take it are busy." },
  RUNNER_LABELS: { description: "A runner to come that serves its queue and carries its labels." },
  SLOT: { description: "A slot: the run executes as many steps at once as it may." },
  PAUSE: { description: "The run to be resumed." },
  APPROVAL: { description: "Somebody's approval." },
  EXTERNAL_COMPLETION: { description: "An external system to complete it." },
  CHILD_RUN: { description: "The run that it has made to end." },
  DELAY: { description: "Its delay to be over." },
  BACKOFF: { description: "The backoff before its next try to be over." },
});
export const RunStartEnum = enumOf("RunStart", "When a new run starts.", RUN_STARTS, {
  IMMEDIATE: { description: "As soon as it is made." },
  MANUAL: { description: "When `startWorkflowRun` asks for it; until then it is PENDING." },
});
export const PauseModeEnum = enumOf("PauseMode", "What a pause does to running steps.", PAUSE_MODES, {
  DRAIN: { description: "They finish." },
  INTERRUPT: { description: "They are stopped and queued again; that costs them no try." },
});
export const RetryModeEnum = enumOf("RetryMode", "How much of a run is done again.", RETRY_MODES, {
  FROM_FAILED: { description: "Steps without a good result, and everything that comes after them." },
  FROM_STEPS: { description: "The steps that are named, and those that have no good result." },
  ALL: { description: "Everything." },
});
export const RetryVersionEnum = enumOf(
  "RetryVersion",
  "Which version of its workflow a retry executes.",
  RETRY_VERSIONS,
  {
    ORIGINAL: { description: "That of the run it retries." },
    LATEST: { description: "The newest; steps are matched by their refs." },
  },
);
export const BulkActionEnum = enumOf("BulkAction", "What is done to many runs.", BULK_ACTIONS);
export const BulkStatusEnum = enumOf("BulkStatus", "Where a bulk operation stands.", BULK_STATUSES, {
  RUNNING: { description: "Some runs wait for their turn." },
  COMPLETED: { description: "Every run had its turn." },
  ABORTED: { description: "Stopped on request; what was done stays done." },
});
export const BulkOutcomeEnum = enumOf(
  "BulkOutcome",
  "What became of one run of a bulk command.",
  BULK_OUTCOMES,
  {
    CANCELED: { description: "It has ended; every process is confirmed dead, or there was none." },
    CANCELING: { description: "Its processes are being stopped." },
    REPLAYED: { description: "A new run does it again." },
    DELETED: { description: "It is gone." },
    LABELED: { description: "It has the labels." },
    ALREADY_COMPLETED: { description: "It had ended otherwise before." },
    ALREADY_CANCELED: { description: "It had been canceled before." },
    NOT_ELIGIBLE: { description: "Its state does not allow it." },
    NOT_FOUND: { description: "There is no such run for this viewer." },
    FORBIDDEN: { description: "The viewer's role in its project does not allow it." },
    ERROR: { description: "It could not be done now; `error` says why." },
  },
);
export const RunActionEnum = enumOf(
  "Action",
  "Mutations whose availability an object can tell.",
  Object.keys(ACCESS.Mutation).filter(
    (name) => ACCESS.Mutation[name as keyof typeof ACCESS.Mutation] !== "RUNNER",
  ),
);
export const TaskReportKindEnum = enumOf(
  "TaskReportKind",
  "What a runner reports about a task.",
  ["STARTED", "FINISHED", "RELEASED"],
  {
    STARTED: { description: "Its process runs." },
    FINISHED: { description: "It has ended; `outcome` says how." },
    RELEASED: { description: "It was never started and goes back to the queue." },
  },
);
export const TaskOutcomeEnum = enumOf("TaskOutcome", "How a task ended.", TASK_OUTCOMES, {
  ABORTED: { description: "The runner killed it: it was told to cancel, or it is shutting down." },
});
export const ReportResultEnum = enumOf("ReportResult", "What became of a report.", ["APPLIED", "STALE"], {
  APPLIED: { description: "It counts, now or since an earlier time it was sent." },
  STALE: { description: "The step was no longer leased to this session; the report changed nothing." },
});
export const LogAppendOutcomeEnum = enumOf(
  "LogAppendOutcome",
  "What became of an append.",
  ["APPENDED", "MISMATCH", "SEALED", "STALE"],
  {
    APPENDED: { description: "Stored." },
    MISMATCH: { description: "The log ends elsewhere: go on from the offset in the answer." },
    SEALED: { description: "The log is complete or full; nothing more is taken." },
    STALE: { description: "The step is not, or no longer, leased to this session." },
  },
);
