import type { ApprovalStatus, ApprovalVerdict } from "./approvals.ts";
import type { StageRunStatus, StatusReasonCode, StepRunStatus, WorkflowRunStatus } from "./statuses.ts";

/**
 * What happened to a run, in the order it happened. Stored with the state change itself, under a `seq` that
 * starts at 1 and has no gap; folding all of a run's events gives its rows.
 */

export interface ReasonPayload {
  readonly code: StatusReasonCode;
  readonly message: string;
}

export interface EventPayloads {
  RunStatusChanged: { readonly status: WorkflowRunStatus; readonly reason: ReasonPayload | null };
  RunFinished: {
    readonly success: boolean;
    readonly error: { message: string; details: string | null } | null;
  };
  /** A run that had ended goes on. */
  RunReopened: Record<string, never>;
  RunLabelsChanged: { readonly labels: Readonly<Record<string, string>> };
  RunDeleted: Record<string, never>;
  ApprovalRequested: { readonly step: number; readonly attempt: number };
  ApprovalDecided: {
    readonly step: number;
    readonly attempt: number;
    readonly verdict: ApprovalVerdict;
    readonly comment: string | null;
    readonly status: ApprovalStatus;
  };
  StageStatusChanged: {
    readonly stage: number;
    readonly status: StageRunStatus;
    readonly reason: ReasonPayload | null;
  };
  StepStatusChanged: {
    readonly step: number;
    readonly status: StepRunStatus;
    readonly attempt: number;
    readonly reason: ReasonPayload | null;
  };
  LogFileAdded: { readonly fileId: string; readonly name: string; readonly step: number | null };
}

export type RunEventType = keyof EventPayloads;
export const RUN_EVENT_TYPES = [
  "RunStatusChanged",
  "RunFinished",
  "StageStatusChanged",
  "StepStatusChanged",
  "RunReopened",
  "RunLabelsChanged",
  "RunDeleted",
  "ApprovalRequested",
  "ApprovalDecided",
  "LogFileAdded",
] as const satisfies readonly RunEventType[];

/** An event that is decided but not stored yet: it has no `seq`. */
export type RunEventDraft = {
  [Type in RunEventType]: {
    readonly type: Type;
    readonly payload: EventPayloads[Type];
    /** Account that caused it; null = the system itself. */
    readonly actorId: string | null;
  };
}[RunEventType];
