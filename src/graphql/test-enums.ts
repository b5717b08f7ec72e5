import { TEST_OUTCOMES } from "../actions/command-tests.ts";
import { TEST_REGRESSIONS, TEST_REVIEW_STATUSES, TEST_RUN_STATUSES } from "../domain/tests.ts";
import { TEST_ORDERS } from "../persistence/queries/test-list.ts";
import { enumOf } from "./enum-of.ts";

export const TestRunStatusEnum = enumOf(
  "TestRunStatus",
  "Where a test of a run stands. All but QUEUED and RUNNING are final.",
  TEST_RUN_STATUSES,
  {
    QUEUED: { description: "Waits for its step's runner." },
    RUNNING: { description: "Is being executed." },
    PASSED: { description: "It passed." },
    FAILED: { description: "It was executed and did not pass." },
    ERRORED: { description: "It could not be executed, or was killed by something." },
    SKIPPED: { description: "It decided that it does not apply." },
    TIMED_OUT: { description: "It took longer than a test of its step may." },
    CANCELED: { description: "It was aborted, or its step ended before it did." },
  },
);
export const TestReviewStatusEnum = enumOf(
  "TestReviewStatus",
  "What a reviewer says of a test.",
  TEST_REVIEW_STATUSES,
  {
    APPROVED: { description: "The result is right. It changes nothing: a failure stays one." },
    REJECTED: { description: "The result is not acceptable, also if it passed; takes back a waiver." },
    WAIVED: {
      description: "It does not count, in any run of the workflow, until the waiver ends or is taken back.",
    },
  },
);
export const TestRegressionEnum = enumOf(
  "TestRegression",
  "What the end of a test means beside its newest result in an earlier run of the workflow (of the same branch, where both have one).",
  TEST_REGRESSIONS,
  {
    NEW: { description: "It fails and did not before, or was not known before." },
    KNOWN: { description: "It fails as it did before." },
    FIXED: { description: "It passes and failed before." },
    FLAKY: { description: "It passes after it had failed in the same run." },
  },
);
export const TestRunOrderEnum = enumOf(
  "TestRunOrder",
  "In which order tests of a step are listed.",
  TEST_ORDERS,
  {
    ORDER: { description: "As they were discovered." },
    DURATION: { description: "The longest first; those without a duration last." },
    STATUS: { description: "By status, in the order of its values." },
  },
);
export const TestOutcomeEnum = enumOf(
  "TestCommandOutcome",
  "What became of a command to one test.",
  TEST_OUTCOMES,
  {
    DONE: { description: "It was done." },
    NOT_ELIGIBLE: { description: "The test's state does not allow it; `error` says why." },
    NOT_FOUND: { description: "There is no such test in the run." },
  },
);
