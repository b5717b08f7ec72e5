/* eslint-disable */
/** Internal type. DO NOT USE DIRECTLY. */
type Exact<T extends { [key: string]: unknown }> = { [K in keyof T]: T[K] };
/** Internal type. DO NOT USE DIRECTLY. */
export type Incremental<T> = T | { [P in keyof T]?: P extends ' $fragmentName' | '__typename' ? T[P] : never };
import type { DocumentTypeDecoration } from '@graphql-typed-document-node/core';
/** How hard a cancel is. */
export type CancelMode =
  /** SIGKILL at once. */
  | 'FORCE'
  /** SIGTERM, ten seconds of grace, then SIGKILL. */
  | 'GRACEFUL';

/** Which run to end, and how. */
export type CancelWorkflowRunInput = {
  /** Handed back in the payload. */
  readonly clientMutationId?: string | null | undefined;
  /** Only checks: everything is decided as usual, and nothing is written. The key is ignored. */
  readonly dryRun?: boolean;
  /** Refuse with RevisionConflict unless the object's `revision` is this one. */
  readonly expectedRevision?: number | null | undefined;
  /** Makes a repeated request safe: for 24 hours the same key of the same caller with the same input answers what the first one did, and does nothing. Another input under that key is an IdempotencyConflict. 1 to 200 characters. */
  readonly idempotencyKey?: string | null | undefined;
  /** How hard. */
  readonly mode?: CancelMode;
  /** Why, at most 500 characters; kept with it. */
  readonly reason?: string | null | undefined;
  /** The run. */
  readonly workflowRunId: string | number;
};

/** A workflow file to deploy. A dry run tells the file's faults, or the number that its version would have; `expectedRevision: 0` means that the workflow must not exist yet. */
export type DeployWorkflowInput = {
  /** Handed back in the payload. */
  readonly clientMutationId?: string | null | undefined;
  /** Only checks: everything is decided as usual, and nothing is written. The key is ignored. */
  readonly dryRun?: boolean;
  /** Refuse with RevisionConflict unless the object's `revision` is this one. */
  readonly expectedRevision?: number | null | undefined;
  /** Makes a repeated request safe: for 24 hours the same key of the same caller with the same input answers what the first one did, and does nothing. Another input under that key is an IdempotencyConflict. 1 to 200 characters. */
  readonly idempotencyKey?: string | null | undefined;
  /** The project, by id or slug. */
  readonly projectId: string | number;
  /** The workflow file, YAML or JSON; the name in it says which workflow it is. */
  readonly source: string;
  /** The workflow that it must be: the file has to be of its name, and no other is made. */
  readonly workflowId?: string | number | null | undefined;
};

/** An environment variable. */
export type EnvVarInput = {
  /** Its name: letters, digits and `_`. */
  readonly key: string;
  /** Its value. `${NAME}` stands for an earlier variable. */
  readonly value: string;
};

/** Where a log line comes from. */
export type LogStream =
  /** The command's standard error. */
  | 'stderr'
  /** The command's standard output. */
  | 'stdout'
  /** The runner itself: checkout, timeout, signals. */
  | 'system';

/** When a new run starts. */
export type RunStart =
  /** As soon as it is made. */
  | 'IMMEDIATE'
  /** When `startWorkflowRun` asks for it; until then it is PENDING. */
  | 'MANUAL';

/** Why something has its status, for programs. */
export type StatusReasonCode =
  /** Somebody aborted this part of the run. */
  | 'ABORTED'
  /** Its `when` did not hold. */
  | 'CONDITION'
  /** Something it depends on did not succeed. */
  | 'DEPENDENCY'
  /** It could not be executed as defined; the message says why. */
  | 'ERROR'
  /** The command ended with a code other than 0. */
  | 'EXIT_CODE'
  /** The run's timeout is over. */
  | 'EXPIRED'
  /** Its tests do not allow it to pass. */
  | 'GATE'
  /** The runner that executed it was lost. */
  | 'LEASE_LOST'
  /** An approver rejected it. */
  | 'REJECTED'
  /** Somebody asked for it. */
  | 'REQUESTED'
  /** The whole run was canceled. */
  | 'RUN_CANCELED'
  /** The step's timeout is over. */
  | 'TIMEOUT';

/** Where a step of a run stands. SUCCEEDED, FAILED, TIMED_OUT, CANCELED and SKIPPED are final. */
export type StepRunStatus =
  | 'CANCELED'
  /** Its process is being stopped. */
  | 'CANCELING'
  | 'FAILED'
  /** Something it depends on has not ended. */
  | 'PENDING'
  /** Waits for a runner. */
  | 'QUEUED'
  /** A runner executes it. */
  | 'RUNNING'
  | 'SKIPPED'
  | 'SUCCEEDED'
  | 'TIMED_OUT'
  /** Waits for something other than a runner: a delay, or the backoff before the next try. */
  | 'WAITING';

/** One of the two ends of a stream. */
export type StreamEdge =
  /** Behind everything that is stored: only what happens from now on. */
  | 'HEAD'
  /** Before everything that is stored: the whole history comes first. */
  | 'START';

/** Where a subscription begins. Exactly one of the two. */
export type StreamPosition =
  {   /** At one end of the stream. */
  readonly at: StreamEdge; readonly cursor?: never; }
  |  { readonly at?: never;   /** Behind the message that carried this cursor. */
  readonly cursor: string; };

/** What to run, and with what. */
export type TriggerWorkflowRunInput = {
  /** Notes to keep with it: an object of text values, at most 64 of up to 10,000 characters. */
  readonly annotations?: unknown;
  /** Git branch to run on; default: what the workflow's source names. */
  readonly branch?: string | null | undefined;
  /** Handed back in the payload. */
  readonly clientMutationId?: string | null | undefined;
  /** Git commit to run on, 7 to 64 hex digits; needs `branch`. Default: the branch's newest. */
  readonly commit?: string | null | undefined;
  /** Steps get RUNCAST_DEBUG=true, to make them say more. */
  readonly debug?: boolean | null | undefined;
  /** Only checks: everything is decided as usual, and nothing is written. The key is ignored. */
  readonly dryRun?: boolean;
  /** Environment variables, stronger than those of project, workflow and steps. Order is kept, the last of a name wins. At most 250. */
  readonly envVars?: ReadonlyArray<EnvVarInput> | null | undefined;
  /** Makes a repeated request safe: for 24 hours the same key of the same caller with the same input answers what the first one did, and does nothing. Another input under that key is an IdempotencyConflict. 1 to 200 characters. */
  readonly idempotencyKey?: string | null | undefined;
  /** Values by input name; checked against the inputs that the workflow declares. A run that has some keeps those that are not named. */
  readonly inputs?: unknown;
  /** Labels to find it by: an object of text values, at most 64. */
  readonly labels?: unknown;
  /** How many steps may execute at once, 1 to 10,000; default: as the workflow says. */
  readonly maxParallelSteps?: number | null | undefined;
  /** What the run is about, at most 2,000 characters; default: the commit's message. */
  readonly message?: string | null | undefined;
  /** A run of the same project that this one is a part of. */
  readonly parentRunId?: string | number | null | undefined;
  /** Ref of the parent's step that this run belongs to; needs `parentRunId`. */
  readonly parentStepRef?: string | null | undefined;
  /** Free JSON, kept with the run for its readers. */
  readonly payload?: unknown;
  /** A run of the same project that this one builds on: its artifacts are handed over. */
  readonly sourceRunId?: string | number | null | undefined;
  /** Whether it starts at once, or waits for `startWorkflowRun`. */
  readonly start?: RunStart;
  /** How often each failed step is tried again, 0 to 20, whatever the workflow says; default: as the workflow says. */
  readonly stepRetries?: number | null | undefined;
  /** Milliseconds after which the run is ended, 1,000 to 2,147,483,647 (24.8 days); default: the workflow's timeout. */
  readonly timeoutMs?: number | null | undefined;
  /** The workflow; its latest version is executed. */
  readonly workflowId: string | number;
};

/** Where a run stands. SUCCEEDED, FAILED, TIMED_OUT, CANCELED and SKIPPED are final. */
export type WorkflowRunStatus =
  /** Ended on request; every process is confirmed dead. */
  | 'CANCELED'
  /** Its end was asked for; the processes of its steps are being stopped. */
  | 'CANCELING'
  /** A step failed, and no `continueOnError` forgave it. */
  | 'FAILED'
  /** Paused on request: nothing new is started. */
  | 'PAUSED'
  /** Created, its start has not been asked for. */
  | 'PENDING'
  /** Started; no step has begun yet. */
  | 'QUEUED'
  /** A step is executing, or will as soon as a runner is free. */
  | 'RUNNING'
  /** None of its steps had to run. */
  | 'SKIPPED'
  /** Every step ended well. */
  | 'SUCCEEDED'
  /** Its own timeout ended it. */
  | 'TIMED_OUT'
  /** Every open step waits for something other than a runner. */
  | 'WAITING';

export type DeployMutationVariables = Exact<{
  input: DeployWorkflowInput;
}>;


export type DeployMutation = { readonly deployWorkflow: { readonly created: boolean | null, readonly workflow: { readonly id: string, readonly name: string } | null, readonly workflowVersion: { readonly version: number } | null, readonly userErrors: ReadonlyArray<
      | { readonly message: string, readonly path: string }
      | { readonly message: string, readonly path: string }
      | { readonly message: string, readonly path: string }
      | { readonly message: string, readonly path: string }
      | { readonly message: string, readonly path: string }
      | { readonly message: string, readonly path: string }
      | { readonly message: string, readonly path: string, readonly faults: ReadonlyArray<{ readonly message: string, readonly path: string, readonly line: number | null, readonly column: number | null }> }
    > } | null };

export type TriggerMutationVariables = Exact<{
  input: TriggerWorkflowRunInput;
}>;


export type TriggerMutation = { readonly triggerWorkflowRun: { readonly workflowRun: { readonly id: string, readonly number: number, readonly workflowName: string } | null, readonly userErrors: ReadonlyArray<
      | { readonly message: string, readonly path: string }
      | { readonly message: string, readonly path: string }
      | { readonly message: string, readonly path: string }
      | { readonly message: string, readonly path: string }
      | { readonly message: string, readonly path: string }
      | { readonly message: string, readonly path: string }
      | { readonly message: string, readonly path: string, readonly faults: ReadonlyArray<{ readonly message: string, readonly path: string }> }
    > } | null };

export type CancelMutationVariables = Exact<{
  input: CancelWorkflowRunInput;
}>;


export type CancelMutation = { readonly cancelWorkflowRun: { readonly workflowRun: { readonly status: WorkflowRunStatus } | null, readonly userErrors: ReadonlyArray<
      | { readonly message: string }
      | { readonly message: string }
      | { readonly message: string }
      | { readonly message: string }
      | { readonly message: string }
      | { readonly message: string }
      | { readonly message: string }
    > } | null };

export type RunStepsQueryVariables = Exact<{
  id: string | number;
  after?: string | null | undefined;
}>;


export type RunStepsQuery = { readonly workflowRun: { readonly stepRuns: { readonly nodes: ReadonlyArray<{ readonly id: string, readonly stepRef: string, readonly stageRun: { readonly name: string } }>, readonly pageInfo: { readonly hasNextPage: boolean, readonly endCursor: string | null } } } | null };

export type RunOutcomeQueryVariables = Exact<{
  id: string | number;
}>;


export type RunOutcomeQuery = { readonly workflowRun: { readonly number: number, readonly workflowName: string, readonly status: WorkflowRunStatus, readonly durationMs: number | null, readonly statusReason: { readonly code: StatusReasonCode, readonly message: string } | null } | null };

export type RunEventsSubscriptionVariables = Exact<{
  id: string | number;
  after: StreamPosition;
}>;


export type RunEventsSubscription = { readonly runEvents:
    | { readonly __typename: 'ApprovalDecided', readonly cursor: string }
    | { readonly __typename: 'ApprovalRequested', readonly cursor: string }
    | { readonly __typename: 'ApprovalsPendingChanged', readonly cursor: string }
    | { readonly __typename: 'ArtifactAdded', readonly cursor: string }
    | { readonly __typename: 'BulkOperationProgressed', readonly cursor: string }
    | { readonly __typename: 'CaughtUp', readonly cursor: string }
    | { readonly __typename: 'Checkpoint', readonly cursor: string }
    | { readonly __typename: 'LogEnd', readonly cursor: string }
    | { readonly __typename: 'LogFileAdded', readonly cursor: string }
    | { readonly __typename: 'LogGap', readonly cursor: string }
    | { readonly __typename: 'LogLines', readonly cursor: string }
    | { readonly __typename: 'Reset', readonly cursor: string }
    | { readonly __typename: 'RunDeleted', readonly cursor: string }
    | { readonly __typename: 'RunFinished', readonly cursor: string }
    | { readonly __typename: 'RunLabelsChanged', readonly cursor: string }
    | { readonly __typename: 'RunReopened', readonly cursor: string }
    | { readonly __typename: 'RunStatusChanged', readonly runStatus: WorkflowRunStatus, readonly cursor: string }
    | { readonly __typename: 'StageStatusChanged', readonly cursor: string }
    | { readonly __typename: 'StepProgressed', readonly cursor: string }
    | { readonly __typename: 'StepStatusChanged', readonly at: string, readonly stepStatus: StepRunStatus, readonly attempt: number, readonly cursor: string, readonly reason: { readonly code: StatusReasonCode, readonly message: string } | null, readonly stepRun: { readonly id: string } | null }
    | { readonly __typename: 'StepTraced', readonly cursor: string }
    | { readonly __typename: 'TestReviewed', readonly cursor: string }
    | { readonly __typename: 'TestRunsChanged', readonly cursor: string }
    | { readonly __typename: 'TestStatusChanged', readonly cursor: string }
    | { readonly __typename: 'TestsDiscovered', readonly cursor: string }
    | { readonly __typename: 'WorkflowRunsChanged', readonly cursor: string }
   };

export type StepLogSubscriptionVariables = Exact<{
  id: string | number;
  attempt: number;
  after: StreamPosition;
}>;


export type StepLogSubscription = { readonly stepLogs:
    | { readonly __typename: 'ApprovalDecided', readonly cursor: string }
    | { readonly __typename: 'ApprovalRequested', readonly cursor: string }
    | { readonly __typename: 'ApprovalsPendingChanged', readonly cursor: string }
    | { readonly __typename: 'ArtifactAdded', readonly cursor: string }
    | { readonly __typename: 'BulkOperationProgressed', readonly cursor: string }
    | { readonly __typename: 'CaughtUp', readonly cursor: string }
    | { readonly __typename: 'Checkpoint', readonly cursor: string }
    | { readonly __typename: 'LogEnd', readonly truncated: boolean, readonly cursor: string }
    | { readonly __typename: 'LogFileAdded', readonly cursor: string }
    | { readonly __typename: 'LogGap', readonly cursor: string }
    | { readonly __typename: 'LogLines', readonly cursor: string, readonly lines: ReadonlyArray<{ readonly at: string, readonly stream: LogStream, readonly text: string }> }
    | { readonly __typename: 'Reset', readonly cursor: string }
    | { readonly __typename: 'RunDeleted', readonly cursor: string }
    | { readonly __typename: 'RunFinished', readonly cursor: string }
    | { readonly __typename: 'RunLabelsChanged', readonly cursor: string }
    | { readonly __typename: 'RunReopened', readonly cursor: string }
    | { readonly __typename: 'RunStatusChanged', readonly cursor: string }
    | { readonly __typename: 'StageStatusChanged', readonly cursor: string }
    | { readonly __typename: 'StepProgressed', readonly cursor: string }
    | { readonly __typename: 'StepStatusChanged', readonly cursor: string }
    | { readonly __typename: 'StepTraced', readonly cursor: string }
    | { readonly __typename: 'TestReviewed', readonly cursor: string }
    | { readonly __typename: 'TestRunsChanged', readonly cursor: string }
    | { readonly __typename: 'TestStatusChanged', readonly cursor: string }
    | { readonly __typename: 'TestsDiscovered', readonly cursor: string }
    | { readonly __typename: 'WorkflowRunsChanged', readonly cursor: string }
   };

export class TypedDocumentString<TResult, TVariables>
  extends String
  implements DocumentTypeDecoration<TResult, TVariables>
{
  __apiType?: NonNullable<DocumentTypeDecoration<TResult, TVariables>['__apiType']>;
  private value: string;
  public __meta__?: Record<string, any> | undefined;

  constructor(value: string, __meta__?: Record<string, any> | undefined) {
    super(value);
    this.value = value;
    this.__meta__ = __meta__;
  }

  override toString(): string & DocumentTypeDecoration<TResult, TVariables> {
    return this.value;
  }
}

export const DeployDocument = new TypedDocumentString(`
    mutation Deploy($input: DeployWorkflowInput!) {
  deployWorkflow(input: $input) {
    workflow {
      id
      name
    }
    workflowVersion {
      version
    }
    created
    userErrors {
      message
      path
      ... on ValidationFailed {
        faults {
          message
          path
          line
          column
        }
      }
    }
  }
}
    `) as unknown as TypedDocumentString<DeployMutation, DeployMutationVariables>;
export const TriggerDocument = new TypedDocumentString(`
    mutation Trigger($input: TriggerWorkflowRunInput!) {
  triggerWorkflowRun(input: $input) {
    workflowRun {
      id
      number
      workflowName
    }
    userErrors {
      message
      path
      ... on ValidationFailed {
        faults {
          message
          path
        }
      }
    }
  }
}
    `) as unknown as TypedDocumentString<TriggerMutation, TriggerMutationVariables>;
export const CancelDocument = new TypedDocumentString(`
    mutation Cancel($input: CancelWorkflowRunInput!) {
  cancelWorkflowRun(input: $input) {
    workflowRun {
      status
    }
    userErrors {
      message
    }
  }
}
    `) as unknown as TypedDocumentString<CancelMutation, CancelMutationVariables>;
export const RunStepsDocument = new TypedDocumentString(`
    query RunSteps($id: ID!, $after: String) {
  workflowRun(id: $id) {
    stepRuns(first: 1000, after: $after) {
      nodes {
        id
        stepRef
        stageRun {
          name
        }
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
}
    `) as unknown as TypedDocumentString<RunStepsQuery, RunStepsQueryVariables>;
export const RunOutcomeDocument = new TypedDocumentString(`
    query RunOutcome($id: ID!) {
  workflowRun(id: $id) {
    number
    workflowName
    status
    statusReason {
      code
      message
    }
    durationMs
  }
}
    `) as unknown as TypedDocumentString<RunOutcomeQuery, RunOutcomeQueryVariables>;
export const RunEventsDocument = new TypedDocumentString(`
    subscription RunEvents($id: ID!, $after: StreamPosition!) {
  runEvents(workflowRunId: $id, after: $after) {
    __typename
    cursor
    ... on RunStatusChanged {
      runStatus
    }
    ... on StepStatusChanged {
      at
      stepStatus
      attempt
      reason: statusReason {
        code
        message
      }
      stepRun {
        id
      }
    }
  }
}
    `) as unknown as TypedDocumentString<RunEventsSubscription, RunEventsSubscriptionVariables>;
export const StepLogDocument = new TypedDocumentString(`
    subscription StepLog($id: ID!, $attempt: Int!, $after: StreamPosition!) {
  stepLogs(stepRunId: $id, attempt: $attempt, after: $after) {
    __typename
    cursor
    ... on LogLines {
      lines {
        at
        stream
        text
      }
    }
    ... on LogEnd {
      truncated
    }
  }
}
    `) as unknown as TypedDocumentString<StepLogSubscription, StepLogSubscriptionVariables>;