import type { TaskKey } from "./protocol.ts";

/** The part of the runner protocol about the tests of a task. */

export interface DiscoveredTest {
  /** 1 to 500 characters, unique in the step. */
  readonly key: string;
  readonly name: string | null;
  readonly suite: string | null;
  readonly file: string | null;
}

export type TestResultStatus = "PASSED" | "FAILED" | "ERRORED" | "SKIPPED" | "TIMED_OUT" | "CANCELED";

export interface TestResult {
  /** Of a test that was handed out; otherwise `test` says which one it is. */
  readonly testId?: string;
  readonly test?: DiscoveredTest;
  readonly status: TestResultStatus;
  readonly startedAt: string | null;
  readonly durationMs: number | null;
  readonly exitCode: number | null;
  readonly message: string | null;
  readonly details: string | null;
  /** Which log of the task is the test's; null when it printed nothing. */
  readonly logPart: number | null;
  readonly logLength: number | null;
  readonly logCrc32: string | null;
}

/** What a call leaves out means nothing of its kind. */
export interface TestReport {
  readonly discovered?: readonly DiscoveredTest[];
  readonly discoveryComplete?: boolean;
  readonly results?: readonly TestResult[];
  /** Handed out and neither in these results nor in earlier ones: the server takes back whatever is missing here. */
  readonly running?: readonly string[];
  readonly take?: number;
}

export interface ReportTestRunsInput extends TaskKey, TestReport {}

export interface TestTask {
  readonly id: string;
  readonly key: string;
  readonly name: string;
  readonly suite: string | null;
  readonly file: string | null;
  readonly attempt: number;
}

export interface ReportTestRunsPayload {
  readonly tests: readonly TestTask[];
  /** Of `running`, those that are to be stopped. */
  readonly aborts: readonly string[];
  /** How many tests of the step are queued or running now. */
  readonly open: number;
  /** Another runner may have the step: nothing more is to be reported. */
  readonly stale: boolean;
}

/** The most of each kind that a call takes, and that it hands out. */
export const MAX_TESTS_A_CALL = 500;

export const REPORT_TEST_RUNS = `mutation ReportTestRuns($input: ReportTestRunsInput!) {
  reportTestRuns(input: $input) {
    tests { id key name suite file attempt }
    aborts
    open
    stale
  }
}`;
