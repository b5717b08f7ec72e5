import type { TestKeys } from "./test-keys.ts";

/** One test as a report tells of it. Texts are capped; what was cut is said at their end. */
export interface ReportedTest {
  /** See TestKeys. */
  readonly key: string;
  readonly name: string;
  /** Names of its suites, outermost first, joined; null when it has none. */
  readonly suite: string | null;
  readonly file: string | null;
  readonly status: "PASSED" | "FAILED" | "ERRORED" | "SKIPPED";
  readonly startedAt: Date | null;
  readonly durationMs: number | null;
  /** One paragraph about a failure, or why it was skipped. */
  readonly message: string | null;
  /** Stack traces and the like. */
  readonly details: string | null;
  readonly output: readonly TestOutput[];
}

export interface TestOutput {
  readonly stream: "stdout" | "stderr";
  readonly text: string;
}

export interface ReportListener {
  /** Of the whole step: makes keys of several files unique together. */
  readonly keys: TestKeys;
  /** A promise holds the reading back. */
  onTest(test: ReportedTest): Promise<void> | void;
  /** What belongs to no single test. */
  onSuiteOutput?(suite: string, output: TestOutput): void;
}

export type ReadReport = (stream: AsyncIterable<Buffer>, listener: ReportListener) => Promise<void>;

/** A report cannot be read, or says itself that it is incomplete. Tests before that place were told. */
export class ReportError extends Error {
  override readonly name = "ReportError";
}
