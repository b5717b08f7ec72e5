import type { TestEnd } from "./tests.ts";

/** What runners tell of the tests of a step. */

export interface DiscoveredTest {
  /** Names the test in every run of its workflow. */
  readonly key: string;
  /** To show; the key when nothing better is known. */
  readonly name: string;
  readonly suite: string | null;
  readonly file: string | null;
}

export interface TestResult {
  readonly status: TestEnd;
  readonly startedAt: Date | null;
  readonly durationMs: number | null;
  readonly exitCode: number | null;
  readonly message: string | null;
  readonly details: string | null;
  readonly log: {
    readonly part: number;
    readonly length: number | null;
    readonly crc32: string | null;
  } | null;
}

/** The result of a test that was handed out, by its position, or of one that a report named. */
export type ReportedResult = TestResult &
  (
    | { readonly test: number; readonly imported: null }
    | { readonly test: null; readonly imported: DiscoveredTest }
  );
