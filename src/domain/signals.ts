import type { CancelMode } from "./run-state.ts";

/**
 * What one run has to tell another of its tree. No transaction reaches from run to run: it stores a signal, and a
 * duty applies it under the lock of the run that it is for.
 */
export const RUN_SIGNAL_KINDS = ["START_CHILD", "CANCEL_CHILD", "CHILD_FINISHED"] as const;
export type RunSignalKind = (typeof RUN_SIGNAL_KINDS)[number];

/** The step that a run was made by, in one of its attempts. */
export interface ParentStep {
  readonly runId: string;
  readonly step: number;
  readonly attempt: number;
}

/** A signal of a run about the child of one of its steps. */
export type RunSignalDraft =
  | { readonly kind: "START_CHILD"; readonly step: number; readonly attempt: number }
  | {
      readonly kind: "CANCEL_CHILD";
      readonly step: number;
      readonly attempt: number;
      readonly mode: CancelMode;
      readonly message: string;
    };
