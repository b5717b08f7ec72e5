import type { ApprovalVerdict } from "./approvals.ts";
import type { EventPayloads } from "./events.ts";
import type { CancelMode, PauseMode, StepCompletionBody } from "./run-state.ts";
import type { TerminalStatus } from "./statuses.ts";
import type { TestCommand } from "./test-commands.ts";
import type { TestTally } from "./tests.ts";

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
  /** How the tests of a TEST step stand; null for other types, and where the outcome says enough. */
  readonly tests: TestTally | null;
}

/** A step whose result another run already has. */
export interface ReusedStep {
  readonly step: number;
  readonly status: "SUCCEEDED" | "SKIPPED";
  readonly from: { readonly runId: string; readonly step: number };
}

/** What a person asks of one step. */
export type StepCommand =
  | TestCommand
  | {
      readonly kind: "ABORT_STEP";
      readonly step: number;
      readonly message: string | null;
      readonly actorId: string;
    }
  /** Done again, and what was skipped because of it is judged again. */
  | { readonly kind: "RETRY_STEP"; readonly step: number; readonly actorId: string }
  /** Done again with everything that comes after it. */
  | { readonly kind: "REPLAY_SUBTREE"; readonly step: number; readonly actorId: string }
  | {
      readonly kind: "SKIP_STEP";
      readonly step: number;
      readonly message: string | null;
      readonly actorId: string;
    }
  | {
      readonly kind: "FORCE_COMPLETE_STEP";
      readonly step: number;
      readonly output: Readonly<Record<string, unknown>>;
      readonly actorId: string;
    }
  | {
      readonly kind: "COMPLETE_STEP";
      readonly step: number;
      readonly completion: StepCompletionBody;
      readonly output: Readonly<Record<string, unknown>>;
      readonly actorId: string;
    }
  | {
      readonly kind: "DECIDE_APPROVAL";
      readonly step: number;
      readonly verdict: ApprovalVerdict;
      readonly comment: string | null;
      /** How many have approved, this decision included. */
      readonly approvals: number;
      /** What the approvers filled in, all together: the step's output. */
      readonly fields: Readonly<Record<string, unknown>>;
      readonly actorId: string;
    };

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
      readonly kind: "PAUSE_RUN";
      readonly mode: PauseMode;
      readonly message: string | null;
      readonly actorId: string;
    }
  | { readonly kind: "RESUME_RUN"; readonly actorId: string }
  /** Seals the run, as soon as it has ended. */
  | { readonly kind: "FINALIZE_RUN" }
  | {
      readonly kind: "CHANGE_LABELS";
      readonly labels: Readonly<Record<string, string>>;
      readonly actorId: string;
    }
  /** Somebody added files to its logs. */
  | {
      readonly kind: "ADD_LOG_FILES";
      readonly files: readonly EventPayloads["LogFileAdded"][];
      readonly actorId: string;
    }
  /** Nobody is to see it any more. */
  | { readonly kind: "DELETE_RUN"; readonly actorId: string }
  | { readonly kind: "ANNOTATE_RUN"; readonly annotations: Readonly<Record<string, string>> }
  | { readonly kind: "REUSE_STEPS"; readonly steps: readonly ReusedStep[]; readonly actorId: string }
  | StepCommand
  /** The child run of a step has ended, or never came to be. */
  | {
      readonly kind: "CHILD_ENDED";
      readonly step: number;
      readonly attempt: number;
      readonly status: TerminalStatus;
      readonly message: string | null;
      readonly output: Readonly<Record<string, unknown>>;
    }
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
