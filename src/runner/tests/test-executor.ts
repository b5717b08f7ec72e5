import type { ExecutionHost } from "../execute.ts";
import {
  MAX_TESTS_A_CALL,
  type ReportTestRunsPayload,
  type TestResult,
  type TestTask,
} from "../protocol-tests.ts";
import { StopRequest } from "../stop-request.ts";
import { monotonicMs, pause, settlesWithin } from "../waiting.ts";
import { firstBatch } from "./batches.ts";
import { Pace } from "./pace.ts";
import type { TestProgress } from "./progress.ts";
import { runTest } from "./run-test.ts";
import { NO_LOG } from "./test-logs.ts";
import type { TestReporter } from "./test-reporter.ts";
import type { TestStep } from "./test-step.ts";

/** With nothing to tell, the server is asked this often for tests that were added and tests to stop. */
const POLL_MS = 1_000;
/** For what was done before the step was stopped. */
const LAST_REPORT_LIMIT_MS = 5_000;

export interface TestExecutorOptions {
  readonly step: TestStep;
  readonly reporter: TestReporter;
  readonly progress: TestProgress;
  /** Stops all tests, and takes no more. */
  readonly stop: StopRequest;
  readonly host: ExecutionHost;
}

interface RunningTest {
  readonly stop: StopRequest;
  readonly ended: Promise<void>;
}

/**
 * Keeps as many tests running as the step allows, until the server has no more. One call at a time tells what ended
 * and asks for more; what ends meanwhile goes with the next.
 */
export class TestExecutor {
  private readonly waiting: TestTask[] = [];
  private readonly running = new Map<string, RunningTest>();
  private readonly results: TestResult[] = [];
  private readonly pace: Pace;
  private wake: () => void = () => {};

  constructor(private readonly options: TestExecutorOptions) {
    this.pace = new Pace(options.step.spec.parallel);
  }

  get firstTake(): number {
    return this.options.step.spec.parallel;
  }

  /** Resolves when every test has ended and was told, or the step was stopped and no test runs any more. */
  async run(first: ReportTestRunsPayload): Promise<void> {
    const { stop } = this.options;
    const unsubscribe = stop.subscribe((mode) => {
      for (const test of this.running.values()) test.stop.order(mode);
      this.wake();
    });
    try {
      await this.keepRunning(first);
    } catch (error) {
      // A call that the stop has ended is no fault.
      if (stop.mode === null) throw error;
    } finally {
      for (const test of this.running.values()) test.stop.order(stop.mode ?? "FORCE");
      await Promise.all([...this.running.values()].map(({ ended }) => ended));
      unsubscribe();
    }
  }

  /** Tells what had ended before the step was stopped, if the server listens. */
  async tellLast(): Promise<void> {
    if (this.results.length === 0) return;
    const limit = AbortSignal.timeout(LAST_REPORT_LIMIT_MS);
    const told = this.report(0, limit);
    await settlesWithin(told, LAST_REPORT_LIMIT_MS);
  }

  private async keepRunning(first: ReportTestRunsPayload): Promise<void> {
    const { stop } = this.options;
    for (let answer = first; ; ) {
      this.heed(answer);
      this.startWaiting();
      this.options.progress.tell(answer.open - this.results.length);
      if (answer.open === 0 && this.heldHere === 0) return;
      const hasMore = answer.tests.length > 0 && answer.open > this.heldHere;
      if (this.results.length === 0 && !(hasMore && this.wanted > 0)) await this.untilNews();
      if (stop.mode !== null) return;
      const sentAt = monotonicMs();
      answer = await this.report(this.wanted);
      this.pace.answered(monotonicMs() - sentAt);
    }
  }

  /** Tests that the server believes to run here. */
  private get heldHere(): number {
    return this.waiting.length + this.running.size + this.results.length;
  }

  /** All that is held here has to fit into one call. */
  private get wanted(): number {
    const wanted = this.pace.target - this.waiting.length - this.running.size;
    return Math.max(Math.min(wanted, MAX_TESTS_A_CALL - this.heldHere), 0);
  }

  private async report(take: number, signal?: AbortSignal): Promise<ReportTestRunsPayload> {
    const results = firstBatch(this.results);
    const untold = this.results.slice(results.length).map(({ testId }) => testId!);
    const running = [...this.waiting.map(({ id }) => id), ...this.running.keys(), ...untold];
    const answer = await this.options.reporter.send({ results, running, take }, signal);
    this.results.splice(0, results.length);
    return answer;
  }

  private heed({ tests, aborts }: ReportTestRunsPayload): void {
    this.waiting.push(...tests);
    for (const id of aborts) {
      this.running.get(id)?.stop.order("GRACEFUL");
      const index = this.waiting.findIndex((test) => test.id === id);
      if (index !== -1) this.neverStarted(this.waiting.splice(index, 1)[0]!);
    }
  }

  private neverStarted({ id }: TestTask): void {
    const nothing = { startedAt: null, durationMs: null, exitCode: null, details: null, ...NO_LOG };
    this.results.push({ testId: id, status: "CANCELED", message: "stopped before it started", ...nothing });
  }

  private startWaiting(): void {
    const { step, stop } = this.options;
    while (stop.mode === null && this.running.size < step.spec.parallel) {
      const test = this.waiting.shift();
      if (test === undefined) return;
      const own = new StopRequest();
      this.running.set(test.id, { stop: own, ended: this.execute(test, own) });
    }
  }

  private async execute(test: TestTask, stop: StopRequest): Promise<void> {
    const { step, host, progress } = this.options;
    const result = await runTest(test, step, stop, host);
    this.running.delete(test.id);
    this.results.push(result);
    this.pace.ended(result.durationMs ?? 0);
    progress.ended(test, result);
    this.startWaiting();
    this.wake();
  }

  private async untilNews(): Promise<void> {
    const news = new AbortController();
    this.wake = () => news.abort();
    await pause(POLL_MS, news.signal);
  }
}
