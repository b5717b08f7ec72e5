import type { CancelMode } from "./run-state.ts";

/** How a runner says that a task ended. ABORTED = the runner killed it: told to cancel, or shutting down. */
export const TASK_OUTCOMES = ["SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED"] as const;
export type TaskOutcome = (typeof TASK_OUTCOMES)[number];

export interface FinishStep {
  readonly kind: "FINISH_STEP";
  readonly step: number;
  readonly fence: number;
  readonly outcome: TaskOutcome;
  readonly exitCode: number | null;
  readonly output: Readonly<Record<string, unknown>> | null;
  readonly error: string | null;
  readonly log: { readonly length: number; readonly crc32: string } | null;
  readonly actorId: string | null;
}

/** Everything that can be asked of, or can happen to, a run. */
export type RunCommand =
  | { readonly kind: "START_RUN"; readonly actorId: string | null }
  | {
      readonly kind: "CANCEL_RUN";
      readonly mode: CancelMode;
      readonly message: string | null;
      readonly actorId: string | null;
    }
  | { readonly kind: "EXPIRE_RUN" }
  | {
      readonly kind: "START_STEP";
      readonly step: number;
      readonly fence: number;
      readonly actorId: string | null;
    }
  | FinishStep
  /** The runner gives a task back that it never started. */
  | { readonly kind: "RELEASE_STEP"; readonly step: number; readonly fence: number }
  /** The lease of the runner that held the step ran out. */
  | { readonly kind: "LOSE_LEASE"; readonly step: number; readonly fence: number }
  /** A delay or a backoff is over. */
  | { readonly kind: "WAKE_STEP"; readonly step: number };

export type RunCommandKind = RunCommand["kind"];
