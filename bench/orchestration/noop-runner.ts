import { randomUUID } from "node:crypto";
import { SILENT_LOGGER } from "../../src/runner/logger.ts";
import { OutageLog } from "../../src/runner/outage-log.ts";
import { type GrantedTask, keyOf, type TaskReport } from "../../src/runner/protocol.ts";
import { ProtocolClient } from "../../src/runner/protocol-client.ts";

/** The most that a real runner can be given (RUNCAST_RUNNER_CAPACITY). */
const CAPACITY = 1_000;
const MAX_CLAIM = 200;
const CLAIM_WAIT_MS = 10_000;
/** What the server takes at most. */
const MAX_REPORTS = 2_000;
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
  readonly #client: ProtocolClient;
  readonly #events: RunnerEvents;
  readonly #held = new Map<string, GrantedTask>();
  readonly #stop = new AbortController();
  #session = "";
  #waiting: TaskReport[] = [];
  #sending = false;
  #onFreed = (): void => undefined;
  /** Whether a task's end is reported with its start, or only once the start was applied. */
  startsFirst = false;

  private constructor({ url, token, events }: NoopRunnerOptions) {
    const outages = new OutageLog(url, SILENT_LOGGER);
    this.#client = new ProtocolClient({ url, token, outages, requestTimeoutMs: REQUEST_TIMEOUT_MS });
    this.#events = events;
  }

  static async start(options: NoopRunnerOptions): Promise<NoopRunner> {
    const runner = new NoopRunner(options);
    const { session, heartbeatMs } = await runner.#client.registerRunner({
      name: "bench",
      queues: ["default"],
      labels: [],
      capacity: CAPACITY,
      hostname: "bench",
      version: "bench",
    });
    runner.#session = session;
    const timer = setInterval(() => void runner.#guarded(async () => await runner.#heartbeat()), heartbeatMs);
    timer.unref();
    void runner.#guarded(async () => await runner.#claimAlways());
    return runner;
  }

  stop(): void {
    this.#stop.abort();
    this.#client.close();
  }

  async #claimAlways(): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      if (this.#held.size >= CAPACITY) await this.#freed();
      const max = Math.min(MAX_CLAIM, CAPACITY - this.#held.size);
      const claim = { session: this.#session, claimId: randomUUID(), max, waitMs: CLAIM_WAIT_MS };
      const { tasks } = await this.#client.claimTasks(claim, { signal });
      this.#events.received(tasks);
      for (const task of tasks) {
        this.#held.set(keyOf(task), task);
        this.#add({ kind: "STARTED", stepRunId: task.stepRunId, fence: task.fence });
        if (!this.startsFirst) this.#add(finished(task));
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
      const { results } = await this.#client.reportTasks({ session: this.#session, reports });
      const stale = results.filter(({ result }) => result !== "APPLIED");
      if (stale.length > 0) throw new Error(`${stale.length} of ${reports.length} reports were stale`);
      this.#settle(reports);
    }
    this.#sending = false;
  }

  #settle(reports: readonly TaskReport[]): void {
    for (const report of reports) {
      if (report.kind === "FINISHED") this.#held.delete(keyOf(report));
      else if (this.startsFirst) this.#waiting.push(finished(report));
    }
    if (this.#held.size < CAPACITY) this.#onFreed();
    this.#events.applied(reports);
  }

  async #heartbeat(): Promise<void> {
    const held = [...this.#held.values()].map(({ stepRunId, fence }) => ({ stepRunId, fence }));
    await this.#client.heartbeatRunner({ session: this.#session, held });
  }

  async #guarded(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (this.#stop.signal.aborted) return;
      this.stop();
      this.#events.failed(error);
    }
  }
}

function finished({ stepRunId, fence }: { stepRunId: string; fence: number }): TaskReport {
  return {
    kind: "FINISHED",
    stepRunId,
    fence,
    outcome: "SUCCEEDED",
    exitCode: 0,
    output: null,
    error: null,
    logLength: 0,
    logCrc32: "00000000",
  };
}
