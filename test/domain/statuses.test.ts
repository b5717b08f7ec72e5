import { describe, expect, test } from "vitest";
import {
  isTerminal,
  phaseOf,
  type Result,
  resultOf,
  STAGE_RUN_STATUSES,
  STATUS_REASON_CODES,
  STEP_RUN_STATUSES,
  WORKFLOW_RUN_STATUSES,
  type WorkflowRunPhase,
  type WorkflowRunStatus,
} from "../../src/domain/statuses.ts";

/** Phase of a run that is not finalized, result, and whether it is an end. */
const RUN_STATUS_TABLE: Record<WorkflowRunStatus, readonly [WorkflowRunPhase, Result, boolean]> = {
  PENDING: ["PENDING", "UNKNOWN", false],
  QUEUED: ["PENDING", "UNKNOWN", false],
  RUNNING: ["RUNNING", "UNKNOWN", false],
  WAITING: ["RUNNING", "UNKNOWN", false],
  PAUSED: ["RUNNING", "UNKNOWN", false],
  CANCELING: ["RUNNING", "UNKNOWN", false],
  SUCCEEDED: ["COMPLETED", "PASSED", true],
  FAILED: ["COMPLETED", "FAILED", true],
  TIMED_OUT: ["COMPLETED", "FAILED", true],
  CANCELED: ["COMPLETED", "ABORTED", true],
  SKIPPED: ["COMPLETED", "UNKNOWN", true],
};

describe("statuses", () => {
  test("the published names", () => {
    expect(WORKFLOW_RUN_STATUSES).toEqual(Object.keys(RUN_STATUS_TABLE));
    expect([...STAGE_RUN_STATUSES].sort()).toEqual(
      ["CANCELED", "FAILED", "PENDING", "RUNNING", "SKIPPED", "SUCCEEDED", "WAITING"].sort(),
    );
    expect([...STEP_RUN_STATUSES].sort()).toEqual(
      "CANCELED CANCELING FAILED PENDING QUEUED RUNNING SKIPPED SUCCEEDED TIMED_OUT WAITING".split(" "),
    );
    expect([...STATUS_REASON_CODES].sort()).toEqual(
      (
        "ABORTED CONDITION DEPENDENCY ERROR EXIT_CODE EXPIRED GATE LEASE_LOST REJECTED REQUESTED RUN_CANCELED " +
        "TIMEOUT"
      ).split(" "),
    );
  });

  test.each(WORKFLOW_RUN_STATUSES)("phase, result and end of %s", (status) => {
    const [phase, result, ends] = RUN_STATUS_TABLE[status];
    expect(phaseOf(status, null)).toBe(phase);
    expect(resultOf(status)).toBe(result);
    expect(isTerminal(status)).toBe(ends);
  });

  test.each(WORKFLOW_RUN_STATUSES.filter((status) => RUN_STATUS_TABLE[status][2]))(
    "a finalized %s run is in phase FINALIZED",
    (status) => {
      expect(phaseOf(status, new Date(0))).toBe("FINALIZED");
    },
  );
});
