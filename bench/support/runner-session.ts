import { randomUUID } from "node:crypto";
import { SILENT_LOGGER } from "../../src/runner/logger.ts";
import { OutageLog } from "../../src/runner/outage-log.ts";
import { type GrantedTask, keyOf, type TaskKey, type TaskReport } from "../../src/runner/protocol.ts";
import { ProtocolClient } from "../../src/runner/protocol-client.ts";

/** The most that a real runner can be given (RUNCAST_RUNNER_CAPACITY). */
export const CAPACITY = 1_000;
/** The most tasks of one claim. */
export const MAX_CLAIM = 200;
/** The most reports of one request. */
export const MAX_REPORTS = 2_000;
const CLAIM_WAIT_MS = 10_000;

export interface RunnerSessionOptions {
  readonly url: string;
  readonly token: string;
  readonly requestTimeoutMs: number;
  /** A heartbeat failed. */
  readonly onFailure: (error: unknown) => void;
}

/** A registered runner that keeps its leases; what it claims and reports is its owner's affair. */
export class RunnerSession {
  readonly #client: ProtocolClient;
  readonly #held = new Map<string, GrantedTask>();
  readonly #stop = new AbortController();
  #session = "";

  private constructor({ url, token, requestTimeoutMs }: RunnerSessionOptions) {
    const outages = new OutageLog(url, SILENT_LOGGER);
    this.#client = new ProtocolClient({ url, token, outages, requestTimeoutMs });
  }

  static async open(options: RunnerSessionOptions): Promise<RunnerSession> {
    const runner = new RunnerSession(options);
    const { session, heartbeatMs } = await runner.#client.registerRunner({
      name: "bench",
      queues: ["default"],
      labels: [],
      capacity: CAPACITY,
      hostname: "bench",
      version: "bench",
    });
    runner.#session = session;
    const heartbeat = async (): Promise<void> => {
      await runner.#heartbeat().catch((error) => runner.stopped || options.onFailure(error));
    };
    setInterval(() => void heartbeat(), heartbeatMs).unref();
    return runner;
  }

  get stopped(): boolean {
    return this.#stop.signal.aborted;
  }

  /** Tasks whose end was not reported yet. */
  get held(): number {
    return this.#held.size;
  }

  /** Waits for tasks up to ten seconds. */
  async claim(max: number): Promise<readonly GrantedTask[]> {
    const { signal } = this.#stop;
    const claim = { session: this.#session, claimId: randomUUID(), max, waitMs: CLAIM_WAIT_MS };
    const { tasks } = await this.#client.claimTasks(claim, { signal });
    for (const task of tasks) this.#held.set(keyOf(task), task);
    return tasks;
  }

  /** @throws when one was not applied */
  async report(reports: readonly TaskReport[]): Promise<void> {
    const { results } = await this.#client.reportTasks({ session: this.#session, reports });
    const stale = results.filter(({ result }) => result !== "APPLIED");
    if (stale.length > 0) throw new Error(`${stale.length} of ${reports.length} reports were stale`);
    for (const report of reports) if (report.kind === "FINISHED") this.#held.delete(keyOf(report));
  }

  stop(): void {
    this.#stop.abort();
    this.#client.close();
  }

  async #heartbeat(): Promise<void> {
    if (this.stopped) return;
    const held = [...this.#held.values()].map(({ stepRunId, fence }) => ({ stepRunId, fence }));
    await this.#client.heartbeatRunner({ session: this.#session, held });
  }
}

export function startOf({ stepRunId, fence }: TaskKey): TaskReport {
  return { kind: "STARTED", stepRunId, fence };
}

export function successOf({ stepRunId, fence }: TaskKey): TaskReport {
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
