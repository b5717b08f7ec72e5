import type { CommandOutput, ExecutionHost } from "../execute.ts";
import type { StopRequest } from "../stop-request.ts";
import type { TestProgress } from "./progress.ts";
import type { TestReporter } from "./test-reporter.ts";
import type { TestStep } from "./test-step.ts";

/** What the parts of a test step work with. */
export interface StepParts {
  readonly step: TestStep;
  /** The step's own log. */
  readonly output: CommandOutput;
  readonly host: ExecutionHost;
  readonly isAbandoned: () => boolean;
  readonly reporter: TestReporter;
  readonly progress: TestProgress;
  /** Ordered by whoever stops the task, and when the step's time is over. */
  readonly stop: StopRequest;
}

/** How the step itself went; the results of its tests are the server's to judge. */
export interface TestsEnd {
  readonly exitCode?: number | null;
  readonly error?: string;
  readonly struckDown?: boolean;
}

/** The step's own timer stops its commands. */
export const NO_TIMEOUT_MS = Number.POSITIVE_INFINITY;
