import { randomUUID } from "node:crypto";
import { RuncastConnectionError, RuncastRequestError } from "../../../src/client/runcast-client.ts";
import {
  type ProtocolRunner,
  type ProtocolTask,
  startProtocolRunner,
} from "../../support/protocol-runner.ts";
import { waitFor } from "../../support/wait-for.ts";

const BATCH = 4;

/**
 * Runners that work a run off as far as the test says. Each keeps to one replica and repeats what it had to say when
 * that comes back, so events are committed by every replica, and by the others while one is away.
 */
export class Crew implements AsyncDisposable {
  readonly #runners: readonly ProtocolRunner[];
  readonly #work: Promise<unknown>;
  #finished = 0;
  #target = 0;
  #over = false;
  #fault: unknown = null;

  private constructor(runners: readonly ProtocolRunner[]) {
    this.#runners = runners;
    this.#work = Promise.all(this.#runners.map(async (runner) => await this.#run(runner))).catch(
      (error: unknown) => {
        this.#fault = error;
      },
    );
  }

  static async start(urls: readonly string[], token: string): Promise<Crew> {
    const runnerToken = async () => token;
    return new Crew(
      await Promise.all(urls.map(async (url) => await startProtocolRunner({ url, runnerToken }))),
    );
  }

  /** Goes on until so many steps are finished, or a few more. */
  async workTo(steps: number): Promise<void> {
    this.#target = steps;
    await waitFor(
      `${steps} steps`,
      () => {
        if (this.#fault !== null) throw this.#fault;
        return this.#finished >= steps;
      },
      { timeoutMs: 120_000 },
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#over = true;
    await this.#work;
  }

  async #run(runner: ProtocolRunner): Promise<void> {
    for (;;) {
      await waitFor("work", () => this.#over || this.#finished < this.#target, { timeoutMs: 600_000 });
      if (this.#over) return;
      const claimId = randomUUID();
      const held = await this.#insist(async () => await runner.claim({ claimId, max: BATCH, waitMs: 0 }));
      if (held.length > 0) await this.#finish(runner, held);
      await this.#insist(async () => await runner.heartbeat());
    }
  }

  async #finish(runner: ProtocolRunner, held: readonly ProtocolTask[]): Promise<void> {
    const started = await this.#insist(async () => await runner.start(...held));
    const ended = await Promise.all(
      held.map(async (task) => {
        const result = await this.#insist(async () => await runner.finish(task, "SUCCEEDED"));
        this.#finished++;
        return result;
      }),
    );
    const stale = [...started, ...ended].filter((result) => result !== "APPLIED");
    if (stale.length > 0) throw new Error(`${stale.length} reports came too late`);
  }

  /** Nobody knows whether what was not answered was done; it may be asked for again. */
  async #insist<Answer>(ask: () => Promise<Answer>): Promise<Answer> {
    return await waitFor(
      "an answer",
      async () =>
        await ask().catch((error: unknown) => {
          const mayRepeat = error instanceof RuncastConnectionError || isBusy(error);
          if (mayRepeat && !this.#over) return null;
          throw error;
        }),
      { timeoutMs: 120_000 },
    );
  }
}

function isBusy(error: unknown): boolean {
  return error instanceof RuncastRequestError && error.codes.includes("BUSY");
}
