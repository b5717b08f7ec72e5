import {
  isTerminal,
  type StageRunStatus,
  type StatusReasonCode,
  type StepRunStatus,
  type WorkflowRunStatus,
} from "./statuses.ts";

/** What the folds look at in a step. */
export interface FoldStep {
  readonly status: StepRunStatus;
  readonly reasonCode: StatusReasonCode | null;
  readonly continueOnError: boolean;
  /** It was started, or began to wait for something other than a runner, at least once. */
  readonly started: boolean;
}

/** A cancel or an expiry, once accepted, decides how the run ends. */
export type Ending = "CANCELED" | "TIMED_OUT";

/**
 * The step makes everything that needs it fail. `continueOnError` forgives a failure, but not that it was stopped:
 * by an abort, or by a cancel of its run, if that was reopened since and goes on without the step.
 */
export function hasFailed(step: Omit<FoldStep, "started">): boolean {
  if (step.status === "CANCELED") return true;
  return (step.status === "FAILED" || step.status === "TIMED_OUT") && !step.continueOnError;
}

/** Whether the need that this step is to others is met. */
export function meetsNeed(step: Omit<FoldStep, "started">): boolean {
  switch (step.status) {
    case "SUCCEEDED":
      return true;
    case "SKIPPED":
      return step.reasonCode === "REQUESTED" || step.reasonCode === "CONDITION";
    case "FAILED":
    case "TIMED_OUT":
      return step.continueOnError;
    default:
      return false;
  }
}

interface Tally {
  readonly allTerminal: boolean;
  readonly failed: boolean;
  readonly allSkipped: boolean;
  readonly active: boolean;
  readonly queued: boolean;
  readonly waiting: boolean;
  readonly started: boolean;
  readonly canceled: boolean;
}

function tally(steps: Iterable<FoldStep>): Tally {
  let open = 0;
  let total = 0;
  let skipped = 0;
  let failed = false;
  let active = false;
  let queued = false;
  let waiting = false;
  let started = false;
  let canceled = false;
  for (const step of steps) {
    total++;
    if (!isTerminal(step.status)) open++;
    if (step.status === "SKIPPED") skipped++;
    failed ||= hasFailed(step);
    active ||= step.status === "RUNNING" || step.status === "CANCELING";
    queued ||= step.status === "QUEUED";
    waiting ||= step.status === "WAITING";
    started ||= step.started;
    canceled ||= step.status === "CANCELED" && step.reasonCode !== "ABORTED";
  }
  const allTerminal = open === 0;
  return { allTerminal, failed, allSkipped: skipped === total, active, queued, waiting, started, canceled };
}

/**
 * The status of a run, derived from its steps and from what was accepted for the run as a whole.
 * @param accepted false while a run that is started by hand has not been started
 * @param paused a pause was accepted and not resumed
 */
export function foldRun(
  steps: Iterable<FoldStep>,
  ending: Ending | null,
  accepted: boolean,
  paused: boolean,
): WorkflowRunStatus {
  const t = tally(steps);
  if (t.allTerminal) {
    if (ending !== null) return ending;
    if (t.failed) return "FAILED";
    return t.allSkipped ? "SKIPPED" : "SUCCEEDED";
  }
  if (ending !== null) return "CANCELING";
  if (!accepted) return "PENDING";
  if (paused) return "PAUSED";
  if (t.active) return "RUNNING";
  if (t.queued) return t.started ? "RUNNING" : "QUEUED";
  return "WAITING";
}

/**
 * The status of a stage: the rule of the run, in the words a stage has. QUEUED shows as PENDING, CANCELING as
 * RUNNING. A stage that ended before the run was canceled keeps its own end.
 */
export function foldStage(steps: Iterable<FoldStep>, ending: Ending | null): StageRunStatus {
  const t = tally(steps);
  if (t.allTerminal) {
    if (ending !== null && t.canceled) return "CANCELED";
    if (t.failed) return "FAILED";
    return t.allSkipped ? "SKIPPED" : "SUCCEEDED";
  }
  if (t.active || ending !== null) return "RUNNING";
  if (t.queued) return t.started ? "RUNNING" : "PENDING";
  return t.waiting || t.started ? "WAITING" : "PENDING";
}
