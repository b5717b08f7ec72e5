import { isTerminal, type StepRunStatus } from "../../domain/statuses.ts";
import { plainText } from "./log-text.ts";
import type { ProgressReason, StepStatusInput } from "./progress-input.ts";

export interface StepProgress {
  /** Order of appearance, from 0. */
  readonly index: number;
  readonly ref: string;
  readonly stage: string;
  readonly status: StepRunStatus;
  readonly attempt: number;
  /** Cleaned; empty when there is none. */
  readonly reason: string;
  /** Milliseconds since the epoch; null = never ran or waited. */
  readonly startedAt: number | null;
  readonly finishedAt: number | null;
}

const STARTED: readonly StepRunStatus[] = ["RUNNING", "WAITING"];

/** What is known of the steps of a run, in the order in which they appeared. */
export class RunProgress {
  readonly #steps = new Map<string, StepProgress>();

  get steps(): readonly StepProgress[] {
    return [...this.#steps.values()];
  }

  get finishedCount(): number {
    return this.steps.filter(({ status }) => isTerminal(status)).length;
  }

  step(ref: string): StepProgress | undefined {
    return this.#steps.get(ref);
  }

  /** Returns the step when there is something to tell: not for a repetition, nor while it has yet to begin. */
  apply(input: StepStatusInput): StepProgress | null {
    const ref = plainText(input.ref);
    const before = this.#steps.get(ref);
    const at = Date.parse(input.at);
    const step: StepProgress = {
      index: before?.index ?? this.#steps.size,
      ref,
      stage: plainText(input.stage),
      status: input.status,
      attempt: input.attempt,
      reason: reasonText(input.reason),
      startedAt: before?.startedAt ?? (STARTED.includes(input.status) ? at : null),
      finishedAt: isTerminal(input.status) ? at : null,
    };
    this.#steps.set(ref, step);
    if (before?.status === step.status && before.attempt === step.attempt) return null;
    return hasNotBegun(step) && (before === undefined || hasNotBegun(before)) ? null : step;
  }
}

export function reasonText(reason: ProgressReason | null): string {
  return reason === null ? "" : plainText((reason.message || reason.code).replace(/\s+/g, " "));
}

export function durationOf({ startedAt, finishedAt }: StepProgress): number | null {
  return startedAt === null || finishedAt === null ? null : finishedAt - startedAt;
}

function hasNotBegun({ status, attempt }: StepProgress): boolean {
  return (status === "PENDING" || status === "QUEUED") && attempt === 0;
}
