import type { RunnerLogger } from "./logger.ts";
import { keyOf, type ReportResult, type ReportTasksPayload, type TaskReport } from "./protocol.ts";
import { isProtocolError } from "./protocol-error.ts";
import { untilAnswered } from "./retry.ts";
import type { RunnerTiming } from "./timing.ts";

const MAX_BATCH = 200;
/** Below the 4 MiB that the server takes; one report with the largest output always fits. */
const MAX_BATCH_BYTES = 3 * 1024 * 1024;

export interface ReportQueueOptions {
  readonly timing: Pick<RunnerTiming, "retryMinMs" | "retryMaxMs">;
  readonly logger: RunnerLogger;
  readonly send: (reports: readonly TaskReport[], signal: AbortSignal) => Promise<ReportTasksPayload>;
  readonly onResult: (report: TaskReport, result: ReportResult) => void;
  /** The report will never be answered: its session is over, or the server refuses it. */
  readonly onDropped: (report: TaskReport) => void;
}

/** One session's reports: in order, one request at a time, and what gathers meanwhile goes with the next. */
export class ReportQueue {
  private readonly waiting: TaskReport[] = [];
  private readonly closing = new AbortController();
  private pump: Promise<void> | null = null;
  /** This many are sent one by one, to find the one that makes the server refuse them together. */
  private singles = 0;

  constructor(private readonly options: ReportQueueOptions) {}

  add(report: TaskReport): void {
    if (this.closing.signal.aborted) {
      this.options.onDropped(report);
      return;
    }
    this.waiting.push(report);
    this.pump ??= this.run();
  }

  /** Resolves when everything added so far was answered or dropped. */
  async flushed(): Promise<void> {
    await this.pump;
  }

  /** Drops what was not answered yet. */
  close(): void {
    this.closing.abort();
  }

  private async run(): Promise<void> {
    await Promise.resolve(); // what is added in the same turn shares a request
    const { signal } = this.closing;
    while (this.waiting.length > 0) {
      const batch = this.nextBatch();
      try {
        const request = () => this.options.send(batch, signal);
        const payload = await untilAnswered(request, { ...this.options, signal });
        this.waiting.splice(0, batch.length);
        this.singles = Math.max(0, this.singles - batch.length);
        for (const report of batch) this.settle(report, payload);
      } catch (error) {
        if (isProtocolError(error, "REFUSED")) this.handleRefusal(batch, error.message);
        else this.dropAll();
      }
    }
    this.pump = null;
  }

  private nextBatch(): TaskReport[] {
    const limit = this.singles > 0 ? 1 : MAX_BATCH;
    let bytes = 0;
    const end = this.waiting.findIndex((report, index) => {
      bytes += Buffer.byteLength(JSON.stringify(report));
      return index >= limit || (index > 0 && bytes > MAX_BATCH_BYTES);
    });
    return this.waiting.slice(0, end === -1 ? undefined : end);
  }

  private settle(report: TaskReport, payload: ReportTasksPayload): void {
    const key = keyOf(report);
    const answer = payload.results.find((result) => result.kind === report.kind && keyOf(result) === key);
    if (answer === undefined) {
      this.options.logger.error(`the server gave no answer to the report ${report.kind} of ${key}`);
      this.options.onDropped(report);
    } else {
      this.options.onResult(report, answer.result);
    }
  }

  /** A refused end would leave its step running for ever: it is told once more without what may be at fault. */
  private handleRefusal(batch: readonly TaskReport[], cause: string): void {
    const [report] = batch;
    if (batch.length > 1 || report === undefined) {
      this.singles = batch.length;
      return;
    }
    this.options.logger.error(`the report ${report.kind} of ${keyOf(report)} is refused: ${cause}`);
    if (report.kind === "FINISHED" && report.output !== null) {
      const error = "the server refused the report of the step's end with its output";
      this.waiting[0] = { ...report, outcome: "FAILED", output: null, error };
      return;
    }
    this.waiting.shift();
    this.options.onDropped(report);
  }

  private dropAll(): void {
    this.close();
    const dropped = this.waiting.splice(0);
    this.options.logger.warn(`${dropped.length} unanswered report(s) are dropped with their session`);
    for (const report of dropped) this.options.onDropped(report);
  }
}
