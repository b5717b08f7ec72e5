import { ACCOUNT_TYPES, PROJECT_ROLES } from "../domain/access.ts";
import { APPROVAL_STATUSES } from "../domain/approvals.ts";
import { INPUT_TYPES } from "../domain/definition.ts";
import { RUN_EVENT_TYPES } from "../domain/events.ts";
import { CANCEL_PROOFS } from "../domain/run-state.ts";
import {
  RESULTS,
  STAGE_RUN_STATUSES,
  STATUS_REASON_CODES,
  STEP_RUN_STATUSES,
  WORKFLOW_RUN_PHASES,
  WORKFLOW_RUN_STATUSES,
} from "../domain/statuses.ts";
import { RUN_TRIGGER_TYPES } from "../domain/triggers.ts";
import { LOG_STREAMS } from "../logs/records.ts";
import { LABEL_OPERATORS } from "../persistence/queries/run-filter.ts";
import { RUN_ORDER_FIELDS } from "../persistence/queries/run-list.ts";
import { STATS_BUCKETS } from "../persistence/queries/run-stats.ts";
import { enumOf } from "./enum-of.ts";

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

export const LIST_CHANGES = ["ENTERED", "UPDATED", "LEFT"] as const;
export type ListChange = (typeof LIST_CHANGES)[number];
export const ListChangeEnum = enumOf("ListChange", "What a change does to a list.", LIST_CHANGES, {
  ENTERED: { description: "It was made and belongs to the list: put it in, or replace it." },
  UPDATED: { description: "It changed and belongs to the list, perhaps only now: put it in, or replace it." },
  LEFT: { description: "It does not belong to the list now, whether or not it did: take it out." },
});
