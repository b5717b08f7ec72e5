import type { GrantedTask, TaskReport } from "../../src/runner/protocol.ts";
import {
  CAPACITY,
  MAX_CLAIM,
  MAX_REPORTS,
  RunnerSession,
  startOf,
  successOf,
} from "../support/runner-session.ts";

const REQUEST_TIMEOUT_MS = 30_000;

export interface RunnerEvents {
  received(tasks: readonly GrantedTask[]): void;
  /** The server has applied these. */
  applied(reports: readonly TaskReport[]): void;
  /** A request failed or a report was refused; the runner has stopped. */
  failed(error: unknown): void;
}

export interface NoopRunnerOptions {
  readonly url: string;
  readonly token: string;
  readonly events: RunnerEvents;
}

/** Speaks the protocol as a large runner does, and executes nothing: every task succeeds at once. */
export class NoopRunner {
  readonly #session: RunnerSession;
  readonly #events: RunnerEvents;
  #waiting: TaskReport[] = [];
  #sending = false;
  #onFreed = (): void => undefined;
  /** Whether a task's end is reported with its start, or only once the start was applied. */
  startsFirst = false;

  private constructor(session: RunnerSession, events: RunnerEvents) {
    this.#session = session;
    this.#events = events;
  }

  static async start({ url, token, events }: NoopRunnerOptions): Promise<NoopRunner> {
    const onFailure = (error: unknown): void => runner.#fail(error);
    const session = await RunnerSession.open({ url, token, requestTimeoutMs: REQUEST_TIMEOUT_MS, onFailure });
    const runner = new NoopRunner(session, events);
    void runner.#guarded(async () => await runner.#claimAlways());
    return runner;
  }

  stop(): void {
    this.#session.stop();
  }

  async #claimAlways(): Promise<void> {
    while (!this.#session.stopped) {
      if (this.#session.held >= CAPACITY) await this.#freed();
      const tasks = await this.#session.claim(Math.min(MAX_CLAIM, CAPACITY - this.#session.held));
      this.#events.received(tasks);
      for (const task of tasks) {
        this.#add(startOf(task));
        if (!this.startsFirst) this.#add(successOf(task));
      }
    }
  }

  async #freed(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#onFreed = resolve;
    });
  }

  #add(report: TaskReport): void {
    this.#waiting.push(report);
    if (!this.#sending) void this.#guarded(async () => await this.#sendAll());
  }

  /** One request at a time; what gathers meanwhile goes with the next. */
  async #sendAll(): Promise<void> {
    this.#sending = true;
    await Promise.resolve(); // what is added in the same turn shares a request
    while (this.#waiting.length > 0) {
      const reports = this.#waiting.splice(0, MAX_REPORTS);
      await this.#session.report(reports);
      if (this.startsFirst) {
        const started = reports.filter(({ kind }) => kind === "STARTED");
        this.#waiting.push(...started.map(successOf));
      }
      if (this.#session.held < CAPACITY) this.#onFreed();
      this.#events.applied(reports);
    }
    this.#sending = false;
  }

  async #guarded(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.#fail(error);
    }
  }

  #fail(error: unknown): void {
    if (this.#session.stopped) return;
    this.stop();
    this.#events.failed(error);
  }
}
