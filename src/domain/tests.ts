/** The tests of a test step: where one can stand, what the step's end makes of them, what its history says. */

export const TEST_RUN_STATUSES = [
  "QUEUED",
  "RUNNING",
  "PASSED",
  "FAILED",
  "ERRORED",
  "SKIPPED",
  "TIMED_OUT",
  "CANCELED",
] as const;
export type TestRunStatus = (typeof TEST_RUN_STATUSES)[number];

/** How a test can end. */
export const TEST_ENDS = ["PASSED", "FAILED", "ERRORED", "SKIPPED", "TIMED_OUT", "CANCELED"] as const;
export type TestEnd = (typeof TEST_ENDS)[number];

/** Ends that a rerun is meant to mend. */
export const TEST_FAILURES = ["FAILED", "ERRORED", "TIMED_OUT"] as const;

/** Ends that do not let the gate of a step pass, unless somebody waived the test. */
export const TEST_OBSTACLES = [...TEST_FAILURES, "CANCELED"] as const;

export const TEST_REVIEW_STATUSES = ["APPROVED", "REJECTED", "WAIVED"] as const;
export type TestReviewStatus = (typeof TEST_REVIEW_STATUSES)[number];

export const TEST_REGRESSIONS = ["NEW", "KNOWN", "FIXED", "FLAKY"] as const;
export type TestRegression = (typeof TEST_REGRESSIONS)[number];

const ends: ReadonlySet<string> = new Set(TEST_ENDS);
const failures: ReadonlySet<string> = new Set(TEST_FAILURES);

export function isTestEnd(status: TestRunStatus): status is TestEnd {
  return ends.has(status);
}

export function isTestFailure(status: TestRunStatus): boolean {
  return failures.has(status);
}

/** Whoever is meant by a test, in commands and events. */
export interface TestRef {
  /** Position in its step. */
  readonly test: number;
  readonly key: string;
  readonly attempt: number;
}

/** The tests of one step, counted as its gate looks at them. Those that discovery no longer finds do not count. */
export interface TestTally {
  readonly total: number;
  /** QUEUED or RUNNING. */
  readonly open: number;
  /** Ended neither PASSED nor SKIPPED, and not waived. */
  readonly failing: number;
  /** Ended well, rejected by a reviewer, and not waived. */
  readonly rejected: number;
  /** Discovery was asked for since the step's last lease began. */
  readonly toDiscover: boolean;
  /** Attempts in a row, up to this one, that left tests undone and had no result of any. */
  readonly idleEnds: number;
  readonly allowEmpty: boolean;
}

/** Who ends so often without a result will not have one the next time. */
export const MAX_IDLE_ENDS = 5;

export type GateVerdict =
  | { readonly kind: "PASS" }
  /** Something is left to be executed. */
  | { readonly kind: "OPEN" }
  /** Something is left, and its runner does not do it. */
  | { readonly kind: "UNDONE" }
  | { readonly kind: "FAIL"; readonly message: string };

/** Whether the tests of a step let it pass. */
export function gateVerdict(tally: TestTally): GateVerdict {
  const { total, open, failing, rejected, toDiscover, idleEnds, allowEmpty } = tally;
  if (toDiscover) return { kind: "OPEN" };
  if (open > 0) return { kind: idleEnds < MAX_IDLE_ENDS ? "OPEN" : "UNDONE" };
  if (total === 0 && !allowEmpty) return { kind: "FAIL", message: "no tests were found" };
  if (failing + rejected === 0) return { kind: "PASS" };
  const parts = [
    failing > 0 ? `${failing} of ${total} tests did not pass` : null,
    rejected > 0 ? `${rejected} ${rejected === 1 ? "was" : "were"} rejected` : null,
  ];
  return { kind: "FAIL", message: parts.filter((part) => part !== null).join(", ") };
}

/**
 * What the end of a test means beside earlier runs of its workflow.
 * @param before how it had ended in the newest of them; null = it is not known there
 * @param failedHere it failed already in this very run
 */
export function regressionOf(
  status: TestEnd,
  before: TestEnd | null,
  failedHere: boolean,
): TestRegression | null {
  if (isTestFailure(status)) return before !== null && isTestFailure(before) ? "KNOWN" : "NEW";
  if (status !== "PASSED") return null;
  if (failedHere) return "FLAKY";
  return before !== null && isTestFailure(before) ? "FIXED" : null;
}
