import { describe, expect, test } from "vitest";
import { runObstacle, STEP_ACTIONS, type StepAction, stepObstacle } from "../../src/domain/legal.ts";
import {
  STEP_RUN_STATUSES,
  type StepRunStatus,
  WORKFLOW_RUN_STATUSES,
  type WorkflowRunStatus,
} from "../../src/domain/statuses.ts";

/**
 * The published table of what is legal when. That deciding agrees with it in every state that a run can reach is
 * asserted with each wish of the random worlds (people.ts).
 */
const open: WorkflowRunStatus[] = ["PENDING", "QUEUED", "RUNNING", "WAITING", "PAUSED", "CANCELING"];
const ended: WorkflowRunStatus[] = ["SUCCEEDED", "FAILED", "TIMED_OUT", "CANCELED", "SKIPPED"];
const RUN_TABLE = {
  startWorkflowRun: ["PENDING"],
  // Asking for what is so already is no error.
  cancelWorkflowRun: [...open, "CANCELED"],
  pauseWorkflowRun: ["QUEUED", "RUNNING", "WAITING"],
  resumeWorkflowRun: ["PAUSED"],
  retryWorkflowRun: ended,
  finalizeWorkflowRun: ended,
  deleteWorkflowRun: ended,
  setWorkflowRunLabels: WORKFLOW_RUN_STATUSES,
  annotateWorkflowRun: WORKFLOW_RUN_STATUSES,
} as const;

const opened: StepRunStatus[] = ["PENDING", "QUEUED", "WAITING", "RUNNING", "CANCELING"];
const skippable: StepRunStatus[] = ["PENDING", "QUEUED", "WAITING", "FAILED", "TIMED_OUT", "CANCELED"];
const STEP_TABLE: Record<StepAction, readonly StepRunStatus[]> = {
  abortStepRun: opened,
  retryStepRun: ["FAILED", "TIMED_OUT", "CANCELED"],
  replayStepRunSubtree: STEP_RUN_STATUSES,
  skipStepRun: skippable,
  forceCompleteStepRun: [...skippable, "RUNNING"],
  completeStepRun: ["WAITING"],
  decideApproval: ["WAITING"],
  submitTests: STEP_RUN_STATUSES.filter((status) => status !== "CANCELING"),
  rediscoverTests: STEP_RUN_STATUSES.filter((status) => status !== "CANCELING"),
  reportStepProgress: ["RUNNING", "WAITING"],
  recordStepTrace: ["RUNNING", "WAITING"],
};

describe("what is legal", () => {
  const runRows = Object.entries(RUN_TABLE).flatMap(([action, allowed]) =>
    WORKFLOW_RUN_STATUSES.map((status) => [action as keyof typeof RUN_TABLE, status, allowed] as const),
  );
  test.each(runRows)("%s of a run that is %s", (action, status, allowed) => {
    const obstacle = runObstacle(action, { status });
    expect(obstacle === null).toBe((allowed as readonly string[]).includes(status));
    if (obstacle !== null) expect(obstacle.current).toBe(status);
  });

  const stepRows = Object.entries(STEP_TABLE).flatMap(([action, allowed]) =>
    STEP_RUN_STATUSES.map((status) => [action as StepAction, status, allowed] as const),
  );
  const judged = (action: StepAction, status: StepRunStatus) => ({
    status,
    reasonCode: null,
    type: action.endsWith("Tests") ? ("TEST" as const) : ("EXTERNAL" as const),
    waitsFor: action === "decideApproval" ? ("APPROVAL" as const) : ("EXTERNAL" as const),
    started: true,
  });
  test.each(stepRows)("%s of a step that is %s", (action, status, allowed) => {
    const run = { status: "RUNNING", finalizedAt: null } as const;
    expect(stepObstacle(action, run, judged(action, status)) === null).toBe(allowed.includes(status));
    const sealed = { status: "FAILED", finalizedAt: new Date(0) } as const;
    expect(stepObstacle(action, sealed, judged(action, status))).not.toBeNull();
    const ending = { status: "CANCELING", finalizedAt: null } as const;
    const stops = action === "abortStepRun" && allowed.includes(status);
    expect(stepObstacle(action, ending, judged(action, status)) === null).toBe(stops);
  });

  test.each(["skipStepRun", "forceCompleteStepRun"] as const)(
    "%s of a skipped step depends on why it was skipped",
    (action) => {
      const run = { status: "FAILED", finalizedAt: null } as const;
      for (const reasonCode of ["DEPENDENCY", "CONDITION", "REQUESTED"] as const) {
        const step = { ...judged(action, "SKIPPED"), reasonCode };
        expect(stepObstacle(action, run, step) === null).toBe(reasonCode === "DEPENDENCY");
      }
    },
  );

  test("a replay needs a step that has started", () => {
    const run = { status: "RUNNING", finalizedAt: null } as const;
    for (const status of STEP_RUN_STATUSES) {
      const step = { ...judged("replayStepRunSubtree", status), started: false };
      expect(stepObstacle("replayStepRunSubtree", run, step)).not.toBeNull();
    }
  });

  test("only test steps have tests", () => {
    const run = { status: "RUNNING", finalizedAt: null } as const;
    const step = { ...judged("submitTests", "RUNNING"), type: "RUN" } as const;
    expect(stepObstacle("submitTests", run, step)).not.toBeNull();
    expect(stepObstacle("rediscoverTests", run, step)).not.toBeNull();
  });

  test("the table is whole", () => {
    expect(Object.keys(STEP_TABLE)).toEqual(Object.keys(STEP_ACTIONS));
  });
});
