import { createRuncastClient, type RuncastClient } from "../../src/client/runcast-client.ts";
import { SILENT_LOGGER } from "../../src/runner/logger.ts";
import type { GrantedTask, TaskReport } from "../../src/runner/protocol.ts";
import { isProtocolError } from "../../src/runner/protocol-error.ts";
import { untilAnswered } from "../../src/runner/retry.ts";
import { CAPACITY, MAX_CLAIM, RunnerSession, startOf, successOf } from "../support/runner-session.ts";
import { checkSucceeded, deployWorkflow, triggerRun } from "../support/runs.ts";
import type { ServerAddress } from "../support/server.ts";
import { flat } from "../support/workflows.ts";
import { atPace, type Pace } from "./pace.ts";

/** A server that is kept busy answers late; it is not gone. */
const REQUEST_TIMEOUT_MS = 60_000;
const PATIENT_MS = 90_000;
const MAX_EMPTY_CLAIMS = 3;

interface OpenRun {
  readonly id: string;
  /** Keeps the run going, so that nothing but steps changes while events are counted. */
  readonly holder: GrantedTask;
  /** Claimed, not started. */
  readonly idle: GrantedTask[];
  /** Started, to be ended next. */
  started: GrantedTask | null;
  /** Steps that were not claimed yet. */
  left: number;
}

/** Makes the events of a run as a runner does: a step's start is one, its end another. */
export class RunTeller {
  readonly #client: RuncastClient;
  readonly #runner: RunnerSession;
  readonly #workflows = new Map<number, string>();
  #run: OpenRun | null = null;
  #repeated = 0;

  private constructor(client: RuncastClient, runner: RunnerSession) {
    this.#client = client;
    this.#runner = runner;
  }

  static async open({ url, credentials }: ServerAddress): Promise<RunTeller> {
    const onFailure = (error: unknown): void => {
      // The next heartbeat may get through; if none does, reports are stale.
      if (isProtocolError(error, "UNREACHABLE", "FAULT")) return;
      // The process ends, and whoever asks it learns of that; the reason is on its standard error.
      throw new Error("the runner of the benchmark lost its session", { cause: error });
    };
    const session = { url, token: credentials.runner, requestTimeoutMs: REQUEST_TIMEOUT_MS, onFailure };
    const client = createRuncastClient({ url, token: credentials.admin });
    return new RunTeller(client, await RunnerSession.open(session));
  }

  get client(): RuncastClient {
    return this.#client;
  }

  /** @returns the id of a run that can tell of `events` steps' starts and ends, and has told all that comes before */
  async begin(events: number): Promise<string> {
    const steps = Math.ceil(events / 2) + 1;
    const id = await triggerRun(this.#client, await this.#workflow(steps));
    const [holder, ...idle] = await this.#claim(steps);
    this.#run = { id, holder: holder!, idle, started: null, left: steps - 1 - idle.length };
    await this.#report([startOf(holder!)]);
    return id;
  }

  /**
   * Each batch is one request.
   * @returns how many requests had to be repeated because the server was too busy
   */
  async tell(pace: Pace): Promise<number> {
    this.#repeated = 0;
    await atPace(pace, async (_, count) => {
      const reports: TaskReport[] = [];
      while (reports.length < count) reports.push(await this.#next());
      await this.#report(reports);
    });
    return this.#repeated;
  }

  /** Ends the run, which has to succeed. */
  async end(): Promise<void> {
    const run = this.#running();
    while (run.started !== null || run.idle.length > 0 || run.left > 0) {
      await this.#report([await this.#next()]);
    }
    await this.#report([successOf(run.holder)]);
    await checkSucceeded(this.#client, run.id);
    this.#run = null;
  }

  stop(): void {
    this.#runner.stop();
  }

  async #workflow(steps: number): Promise<string> {
    const known = this.#workflows.get(steps);
    if (known !== undefined) return known;
    const id = await deployWorkflow(this.#client, flat(steps).source);
    this.#workflows.set(steps, id);
    return id;
  }

  async #next(): Promise<TaskReport> {
    const run = this.#running();
    if (run.started !== null) {
      const ended = run.started;
      run.started = null;
      return successOf(ended);
    }
    if (run.idle.length === 0) {
      run.idle.push(...(await this.#claim(run.left)));
      run.left -= run.idle.length;
    }
    run.started = run.idle.shift()!;
    return startOf(run.started);
  }

  async #report(reports: readonly TaskReport[]): Promise<void> {
    await this.#untilAnswered("apply a report", async () => await this.#runner.report(reports));
  }

  /** As a real runner does: what a busy server does not answer is asked again; reports are safe to repeat. */
  async #untilAnswered<T>(what: string, request: () => Promise<T>): Promise<T> {
    const signal = AbortSignal.timeout(PATIENT_MS);
    const timing = { retryMinMs: 50, retryMaxMs: 1_000 };
    let attempts = 0;
    const attempt = (): Promise<T> => {
      if (attempts++ > 0) this.#repeated++;
      return request();
    };
    try {
      return await untilAnswered(attempt, { timing, logger: SILENT_LOGGER, signal });
    } catch (error) {
      if (!isProtocolError(error, "ABORTED")) throw error;
      const message = `the server did not ${what} in ${attempts} attempts within ${PATIENT_MS} ms`;
      throw new Error(message, { cause: error });
    }
  }

  /** At least one task, as many as fit into a claim. */
  async #claim(wanted: number): Promise<readonly GrantedTask[]> {
    const max = Math.min(wanted, MAX_CLAIM, CAPACITY - this.#runner.held);
    for (let attempt = 0; attempt < MAX_EMPTY_CLAIMS; attempt++) {
      const tasks = await this.#untilAnswered("grant tasks", async () => await this.#runner.claim(max));
      if (tasks.length > 0) return tasks;
    }
    throw new Error(`the server gave the runner none of ${wanted} steps in ${MAX_EMPTY_CLAIMS} claims`);
  }

  #running(): OpenRun {
    if (this.#run === null) throw new Error("no run was begun");
    return this.#run;
  }
}
