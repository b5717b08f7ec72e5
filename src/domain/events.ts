import type { ApprovalStatus, ApprovalVerdict } from "./approvals.ts";
import type { StageRunStatus, StatusReasonCode, StepRunStatus, WorkflowRunStatus } from "./statuses.ts";
import type { TestReviewStatus, TestRunStatus } from "./tests.ts";

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
  /** Tests that were not known in the step before. */
  TestsDiscovered: { readonly step: number; readonly count: number; readonly total: number };
  TestStatusChanged: {
    readonly step: number;
    readonly test: number;
    readonly key: string;
    readonly status: TestRunStatus;
    readonly attempt: number;
  };
  TestReviewed: {
    readonly step: number;
    readonly test: number;
    readonly key: string;
    readonly attempt: number;
    readonly review: TestReviewStatus;
    readonly comment: string | null;
    /** When a waiver ends, as ISO text; null = never. */
    readonly expiresAt: string | null;
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
  StepProgressed: {
    readonly step: number;
    readonly attempt: number;
    /** 0..100. */
    readonly progress: number;
    readonly message: string | null;
  };
  StepTraced: {
    readonly step: number;
    readonly attempt: number;
    readonly kind: TraceKind;
    readonly content: string;
  };
  ArtifactAdded: {
    readonly step: number;
    readonly attempt: number;
    readonly artifactId: string;
    readonly path: string;
    readonly sizeBytes: number;
  };
  LogFileAdded: { readonly fileId: string; readonly name: string; readonly step: number | null };
}

/** What a step tells of its work: what it considers, what it calls, and everything else. */
export const TRACE_KINDS = ["THINKING", "TOOL", "NOTE"] as const;
export type TraceKind = (typeof TRACE_KINDS)[number];

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
  "TestsDiscovered",
  "TestStatusChanged",
  "TestReviewed",
  "StepProgressed",
  "StepTraced",
  "ArtifactAdded",
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
