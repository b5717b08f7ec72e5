import type { StepRunStatus, WorkflowRunStatus } from "../../domain/statuses.ts";

/** Why something is in its status, as the API tells it. */
export interface ProgressReason {
  readonly code: string;
  readonly message: string;
}

export interface StepStatusInput {
  readonly ref: string;
  readonly stage: string;
  readonly status: StepRunStatus;
  readonly attempt: number;
  readonly reason: ProgressReason | null;
  /** ISO 8601 */
  readonly at: string;
}

export interface LogLineInput {
  readonly ref: string;
  readonly stream: "stdout" | "stderr" | "system";
  readonly text: string;
  /** ISO 8601 */
  readonly at: string;
}

export interface FinishInput {
  readonly workflowName: string;
  readonly number: number;
  readonly status: WorkflowRunStatus;
  readonly reason: ProgressReason | null;
  readonly durationMs: number | null;
}

/** Shows one run. All texts are taken as foreign and cleaned of control sequences. */
export interface ProgressView {
  runStatus(status: WorkflowRunStatus): void;
  /** Steps count towards the total from their first status on: report all of them at the start, PENDING ones too. */
  stepStatus(input: StepStatusInput): void;
  logLine(input: LogLineInput): void;
  /** Shows the summary; nothing is shown afterwards. */
  finish(input: FinishInput): void;
  /** Leaves a clean terminal without a summary, for instance after an interrupt. */
  close(): void;
}
