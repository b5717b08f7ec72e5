import type { GrantedTask, TaskReport } from "../../src/runner/protocol.ts";
import type { RunnerEvents } from "./noop-runner.ts";

/** When a run's first task reached the runner and its first start was applied, as `performance.now()`. */
export interface Moments {
  received: number;
  started: number;
  /** Resolves when the expected number of steps has ended; rejects when the runner failed. */
  readonly ended: Promise<void>;
}

interface Expected {
  readonly moments: Moments;
  open: number;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** Follows one run at a time through the eyes of its runner. */
export class Progress implements RunnerEvents {
  #expected: Expected | null = null;
  #failure: unknown = null;

  expect(steps: number): Moments {
    let resolve = (): void => undefined;
    let reject = (_: unknown): void => undefined;
    const ended = new Promise<void>((onEnd, onFailure) => {
      resolve = onEnd;
      reject = onFailure;
    });
    const moments = { received: Number.NaN, started: Number.NaN, ended };
    this.#expected = { moments, open: steps, resolve, reject };
    if (this.#failure !== null) reject(this.#failure);
    return moments;
  }

  received(tasks: readonly GrantedTask[]): void {
    if (this.#expected === null || tasks.length === 0) return;
    const { moments } = this.#expected;
    if (Number.isNaN(moments.received)) moments.received = performance.now();
  }

  applied(reports: readonly TaskReport[]): void {
    if (this.#expected === null) return;
    const { moments, resolve } = this.#expected;
    if (Number.isNaN(moments.started)) moments.started = performance.now();
    this.#expected.open -= reports.filter(({ kind }) => kind === "FINISHED").length;
    if (this.#expected.open <= 0) resolve();
  }

  failed(error: unknown): void {
    this.#failure = error;
    this.#expected?.reject(error);
  }
}
