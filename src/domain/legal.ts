import type { StepType, StepWait } from "./graph.ts";
import {
  isTerminal,
  STEP_RUN_STATUSES,
  type StatusReasonCode,
  type StepRunStatus,
  TERMINAL_STATUSES,
  WORKFLOW_RUN_STATUSES,
  type WorkflowRunStatus,
} from "./statuses.ts";
import { TEST_ENDS, type TestRunStatus } from "./tests.ts";

/**
 * In which states what can be asked of a run or step is legal: one table for the refusals of mutations and for what
 * `can` tells beforehand.
 */

const openRun = WORKFLOW_RUN_STATUSES.filter((status) => !isTerminal(status));
const openStep = STEP_RUN_STATUSES.filter((status) => !isTerminal(status));

export const RUN_ACTIONS = {
  startWorkflowRun: ["PENDING"],
  cancelWorkflowRun: openRun,
  pauseWorkflowRun: ["QUEUED", "RUNNING", "WAITING"],
  resumeWorkflowRun: ["PAUSED"],
  retryWorkflowRun: TERMINAL_STATUSES,
  finalizeWorkflowRun: TERMINAL_STATUSES,
  deleteWorkflowRun: TERMINAL_STATUSES,
  setWorkflowRunLabels: WORKFLOW_RUN_STATUSES,
  annotateWorkflowRun: WORKFLOW_RUN_STATUSES,
} as const satisfies Record<string, readonly WorkflowRunStatus[]>;
export type RunAction = keyof typeof RUN_ACTIONS;

const notStopping = STEP_RUN_STATUSES.filter((status) => status !== "CANCELING");
const skippable = ["PENDING", "QUEUED", "WAITING", "FAILED", "TIMED_OUT", "CANCELED"] as const;

export const STEP_ACTIONS = {
  abortStepRun: openStep,
  retryStepRun: ["FAILED", "TIMED_OUT", "CANCELED"],
  replayStepRunSubtree: STEP_RUN_STATUSES,
  skipStepRun: skippable,
  forceCompleteStepRun: [...skippable, "RUNNING"],
  completeStepRun: ["WAITING"],
  decideApproval: ["WAITING"],
  submitTests: notStopping,
  rediscoverTests: notStopping,
  reportStepProgress: ["RUNNING", "WAITING"],
  recordStepTrace: ["RUNNING", "WAITING"],
} as const satisfies Record<string, readonly StepRunStatus[]>;
export type StepAction = keyof typeof STEP_ACTIONS;

/** What the state of an object has against an action. */
export interface Obstacle {
  readonly message: string;
  readonly current: string;
  readonly allowed: readonly string[];
}

export interface JudgedRun {
  readonly status: WorkflowRunStatus;
  readonly finalizedAt: Date | null;
}

export interface JudgedStep {
  readonly status: StepRunStatus;
  readonly reasonCode: StatusReasonCode | null;
  readonly type: StepType;
  readonly waitsFor: StepWait;
  /** It did something, or its result was taken over from another run. */
  readonly started: boolean;
}

/** Whether it ever did something, or took over what another run did. */
export function hasStarted(step: {
  readonly status: StepRunStatus;
  readonly attempt: number;
  readonly startedAt: Date | null;
}): boolean {
  return step.attempt > 0 || step.startedAt !== null || step.status === "SUCCEEDED";
}

/** Asking for what is so already is no obstacle for these: the caller has what they want. */
const REPEATABLE: Partial<Record<RunAction, WorkflowRunStatus>> = { cancelWorkflowRun: "CANCELED" };

export function runObstacle(action: RunAction, { status }: Pick<JudgedRun, "status">): Obstacle | null {
  const allowed: readonly string[] = RUN_ACTIONS[action];
  if (allowed.includes(status) || REPEATABLE[action] === status) return null;
  const message = isTerminal(status) ? `the run has ended: it is ${status}` : `the run is ${status}`;
  return { message, current: status, allowed };
}

export function stepObstacle(action: StepAction, run: JudgedRun, step: JudgedStep): Obstacle | null {
  const { status, waitsFor } = step;
  const allowed: readonly string[] = STEP_ACTIONS[action];
  if (run.finalizedAt !== null) {
    const message = "its run is finalized: nothing of it changes any more";
    return { message, current: "FINALIZED", allowed };
  }
  if (run.status === "CANCELING" && action !== "abortStepRun") {
    return { message: "its run is being ended", current: "CANCELING", allowed };
  }
  const elsewhere = { completeStepRun: "EXTERNAL", decideApproval: "APPROVAL" } as const;
  const wanted = action in elsewhere ? elsewhere[action as keyof typeof elsewhere] : null;
  if (wanted !== null && waitsFor !== wanted) {
    const what = wanted === "APPROVAL" ? "an approval" : "a completion from outside";
    return { message: `the step does not wait for ${what}`, current: status, allowed };
  }
  if ((action === "submitTests" || action === "rediscoverTests") && step.type !== "TEST") {
    return { message: "the step has no tests", current: status, allowed };
  }
  const tells = action === "reportStepProgress" || action === "recordStepTrace";
  if (tells && status === "WAITING" && waitsFor !== "EXTERNAL") {
    return { message: "the step waits, and nothing works on it", current: status, allowed };
  }
  if (action === "replayStepRunSubtree" && !step.started) {
    return { message: "the step has not started yet", current: status, allowed };
  }
  if (allowed.includes(status)) return null;
  const skips = action === "skipStepRun" || action === "forceCompleteStepRun";
  if (skips && status === "SKIPPED" && step.reasonCode === "DEPENDENCY") return null;
  return { message: `the step is ${status}`, current: status, allowed };
}

const openTest: readonly TestRunStatus[] = ["QUEUED", "RUNNING"];

/** What can be asked of single tests. A test whose step is being stopped waits for that. */
export const TEST_ACTIONS = {
  rerunTestRuns: TEST_ENDS,
  abortTestRuns: openTest,
  reviewTestRuns: TEST_ENDS,
} as const satisfies Record<string, readonly TestRunStatus[]>;
export type TestAction = keyof typeof TEST_ACTIONS;

/** What the run of tests has against it that one of them is acted on. */
export function testedRunObstacle(action: TestAction, run: JudgedRun): Obstacle | null {
  const allowed = TEST_ACTIONS[action];
  if (run.finalizedAt !== null) {
    const message = "their run is finalized: nothing of it changes any more";
    return { message, current: "FINALIZED", allowed };
  }
  if (run.status !== "CANCELING") return null;
  return { message: "their run is being ended", current: "CANCELING", allowed };
}

export function testObstacle(
  action: TestAction,
  step: { readonly status: StepRunStatus },
  test: { readonly status: TestRunStatus },
): Obstacle | null {
  const allowed: readonly string[] = TEST_ACTIONS[action];
  if (step.status === "CANCELING")
    return { message: "its step is being stopped", current: "CANCELING", allowed };
  if (allowed.includes(test.status)) return null;
  return { message: `the test is ${test.status}`, current: test.status, allowed };
}
