import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  type Ending,
  type FoldStep,
  foldRun,
  foldStage,
  hasFailed,
  meetsNeed,
} from "../../src/domain/fold.ts";
import {
  STATUS_REASON_CODES,
  STEP_RUN_STATUSES,
  type StageRunStatus,
  type StatusReasonCode,
  type StepRunStatus,
  type WorkflowRunStatus,
} from "../../src/domain/statuses.ts";
import { isEnd, referenceRunStatus, referenceStageStatus } from "./reference.ts";

/** "FAILED!" forgives the failure, "QUEUED+" was started before, "CANCELED:ABORTED" has a reason. */
function parse(word: string): FoldStep {
  const [, name, code, marks] = /^([A-Z_]+)(?::([A-Z_]+))?([!+]*)$/.exec(word) ?? [];
  const status = STEP_RUN_STATUSES.find((each) => each === name);
  if (status === undefined) throw new Error(`no step status ${word}`);
  const never: readonly StepRunStatus[] = ["PENDING", "QUEUED", "SKIPPED", "CANCELED", "CANCELING"];
  return {
    status,
    reasonCode: STATUS_REASON_CODES.find((each) => each === code) ?? null,
    continueOnError: marks?.includes("!") ?? false,
    started: (marks?.includes("+") ?? false) || !never.includes(status),
  };
}

const steps = (words: string) => words.split(" ").map(parse);

const ENDED: readonly [string, WorkflowRunStatus & StageRunStatus][] = [
  ["SUCCEEDED", "SUCCEEDED"],
  ["SUCCEEDED SUCCEEDED SKIPPED:CONDITION", "SUCCEEDED"],
  ["SUCCEEDED FAILED!", "SUCCEEDED"],
  ["FAILED!", "SUCCEEDED"],
  ["TIMED_OUT! SKIPPED:CONDITION", "SUCCEEDED"],
  ["SUCCEEDED FAILED SKIPPED:DEPENDENCY", "FAILED"],
  ["TIMED_OUT SUCCEEDED", "FAILED"],
  ["FAILED! TIMED_OUT", "FAILED"],
  ["SUCCEEDED CANCELED:ABORTED", "FAILED"],
  ["CANCELED:ABORTED!", "FAILED"],
  // What a cancel of its run stopped, before that was reopened.
  ["SUCCEEDED CANCELED:RUN_CANCELED", "FAILED"],
  ["SUCCEEDED CANCELED:EXPIRED!", "FAILED"],
  ["SKIPPED:CONDITION SKIPPED:REQUESTED", "SKIPPED"],
  ["SKIPPED:DEPENDENCY", "SKIPPED"],
];

/** Steps, then the run's status and the stage's if these steps are one whole stage. */
const OPEN: readonly [string, WorkflowRunStatus, StageRunStatus][] = [
  ["QUEUED PENDING", "QUEUED", "PENDING"],
  ["QUEUED SKIPPED:CONDITION", "QUEUED", "PENDING"],
  ["QUEUED SUCCEEDED", "RUNNING", "RUNNING"],
  ["QUEUED+", "RUNNING", "RUNNING"],
  ["QUEUED WAITING", "RUNNING", "RUNNING"],
  ["QUEUED FAILED PENDING", "RUNNING", "RUNNING"],
  ["RUNNING WAITING QUEUED", "RUNNING", "RUNNING"],
  ["CANCELING SUCCEEDED", "RUNNING", "RUNNING"],
  ["CANCELING PENDING", "RUNNING", "RUNNING"],
  ["WAITING", "WAITING", "WAITING"],
  ["WAITING PENDING FAILED", "WAITING", "WAITING"],
  ["WAITING SKIPPED:CONDITION", "WAITING", "WAITING"],
];

describe("folds", () => {
  test.each(ENDED)("%s ends %s", (words, status) => {
    expect(foldRun(steps(words), null, true, false)).toBe(status);
    expect(foldRun(steps(words), null, true, true)).toBe(status);
    expect(foldStage(steps(words), null)).toBe(status);
  });

  test.each(ENDED)("%s ends as the cancel or the expiry says, once one is accepted", (words) => {
    expect(foldRun(steps(words), "CANCELED", true, false)).toBe("CANCELED");
    expect(foldRun(steps(words), "TIMED_OUT", true, false)).toBe("TIMED_OUT");
  });

  test.each(OPEN)("%s: run %s, stage %s", (words, run, stage) => {
    expect(foldRun(steps(words), null, true, false)).toBe(run);
    expect(foldStage(steps(words), null)).toBe(stage);
    expect(foldRun(steps(words), "CANCELED", true, false)).toBe("CANCELING");
    expect(foldRun(steps(words), "TIMED_OUT", true, false)).toBe("CANCELING");
    expect(foldRun(steps(words), "CANCELED", false, false)).toBe("CANCELING");
    expect(foldRun(steps(words), null, false, false)).toBe("PENDING");
    expect(foldRun(steps(words), null, true, true)).toBe("PAUSED");
    expect(foldRun(steps(words), "CANCELED", true, true)).toBe("CANCELING");
  });

  test.each([
    ["SUCCEEDED CANCELED:RUN_CANCELED", "CANCELED"],
    ["FAILED CANCELED:EXPIRED", "CANCELED"],
    ["SKIPPED:CONDITION CANCELED:RUN_CANCELED", "CANCELED"],
    ["SUCCEEDED CANCELING", "RUNNING"],
    ["CANCELED:RUN_CANCELED CANCELING", "RUNNING"],
  ] as const)("a stage of %s in a canceled or expired run is %s", (words, status) => {
    expect(foldStage(steps(words), "CANCELED")).toBe(status);
    expect(foldStage(steps(words), "TIMED_OUT")).toBe(status);
  });

  test("a stage that nothing has reached yet is PENDING", () => {
    expect(foldStage(steps("PENDING PENDING"), null)).toBe("PENDING");
  });

  test("random steps fold as the reference folds them", () => {
    fc.assert(
      fc.property(openRun, endings, fc.boolean(), fc.boolean(), (list, ending, accepted, paused) => {
        const folded = foldRun(list, ending, accepted, paused);
        expect(folded).toBe(referenceRunStatus(list, ending, accepted, paused));
        expect(foldStage(list, null)).toBe(referenceStageStatus(list, null));
      }),
      { numRuns: 2_000 },
    );
  });

  test("random stages of an ending run fold as the reference folds them", () => {
    fc.assert(
      fc.property(endingStage, fc.constantFrom<Ending>("CANCELED", "TIMED_OUT"), (list, ending) => {
        expect(foldStage(list, ending)).toBe(referenceStageStatus(list, ending));
      }),
      { numRuns: 2_000 },
    );
  });
});

describe("needs", () => {
  const every: [StepRunStatus, StatusReasonCode | null, boolean][] = STEP_RUN_STATUSES.flatMap((status) =>
    [null, ...STATUS_REASON_CODES].flatMap((code) =>
      [false, true].map((forgive): [StepRunStatus, StatusReasonCode | null, boolean] => [
        status,
        code,
        forgive,
      ]),
    ),
  );
  const MET = ["SUCCEEDED", "SKIPPED:REQUESTED", "SKIPPED:CONDITION", "FAILED!", "TIMED_OUT!"];
  const BROKEN = ["FAILED", "TIMED_OUT", "CANCELED", "CANCELED!"];
  const matches = (words: readonly string[], [status, code, forgive]: (typeof every)[number]) =>
    words.some((word) => {
      const wanted = parse(word);
      const marked = /^(FAILED|TIMED_OUT|CANCELED)/.test(word);
      return (
        wanted.status === status &&
        (wanted.reasonCode === null || wanted.reasonCode === code) &&
        (!marked || wanted.continueOnError === forgive)
      );
    });

  test.each(every)("%s(%s), continueOnError %s", (status, reasonCode, continueOnError) => {
    const step = { status, reasonCode, continueOnError };
    const row = [status, reasonCode, continueOnError] as (typeof every)[number];
    expect(meetsNeed(step)).toBe(matches(MET, row));
    expect(hasFailed(step)).toBe(matches(BROKEN, row));
  });
});

const endings = fc.constantFrom<Ending | null>(null, "CANCELED", "TIMED_OUT");
const reasons = fc.constantFrom<StatusReasonCode | null>(null, ...STATUS_REASON_CODES);

/** A step that executed, or waits, was started; one that was reset may have been. */
function stepWith(status: fc.Arbitrary<StepRunStatus>): fc.Arbitrary<FoldStep> {
  return fc
    .record({ status, reasonCode: reasons, continueOnError: fc.boolean(), started: fc.boolean() })
    .map((step) => ({
      ...step,
      started: step.started || ["WAITING", "RUNNING", "SUCCEEDED", "FAILED"].includes(step.status),
    }));
}

const openRun = fc.oneof(
  fc.array(stepWith(fc.constantFrom(...STEP_RUN_STATUSES)), { minLength: 1, maxLength: 6 }),
  fc.array(stepWith(fc.constantFrom(...STEP_RUN_STATUSES.filter(isEnd))), { minLength: 1, maxLength: 6 }),
);

/** Once a run ends, its open steps are CANCELING and nothing else. */
const endingStage = fc.array(
  stepWith(
    fc.constantFrom(...STEP_RUN_STATUSES.filter((status) => isEnd(status) || status === "CANCELING")),
  ).map((step): FoldStep => {
    const cause = step.reasonCode === "ABORTED" || step.reasonCode === "EXPIRED" ? step.reasonCode : null;
    return step.status === "CANCELED" ? { ...step, reasonCode: cause ?? "RUN_CANCELED" } : step;
  }),
  { minLength: 1, maxLength: 6 },
);
