import { setMaxListeners } from "node:events";
import type { Logger } from "../observability/logger.ts";
import type { Engine } from "../orchestration/transition.ts";

/**
 * Something that has to happen though nobody asks for it. Any replica may do it at any time and several at once:
 * a duty looks for work without locks and checks everything again under the run's lock.
 */
export interface Duty {
  readonly name: string;
  /** How long to wait after it ran, unless it says otherwise. */
  readonly everyMs: number;
  /** A notice under this key has it run at once. */
  readonly wakeOn?: string;
  /**
   * Does what is due now.
   * @param signal aborted when it is to stop before its next piece of work
   * @param logger for what an operator should know though nothing failed
   * @returns milliseconds until it wants to run again, or undefined for `everyMs`
   */
  run(engine: Engine, signal?: AbortSignal, logger?: Logger): Promise<number | undefined>;
}

/** A tenth more or less, so that replicas that started together drift apart. */
const SPREAD = 0.1;
/** A duty that fails waits longer each time, up to this. */
const LONGEST_BACKOFF_MS = 30_000;

/** Runs every duty in its own loop until stopped. A failure is logged and the duty tries again later. */
export class DutyRoster implements AsyncDisposable {
  readonly #stop = new AbortController();
  readonly #loops: Promise<void>[];

  constructor(duties: readonly Duty[], engine: Engine, logger: Logger) {
    // Every loop listens to it while it waits.
    setMaxListeners(0, this.#stop.signal);
    this.#loops = duties.map(async (duty) => await this.#loop(duty, engine, logger));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await Promise.all(this.#loops);
  }

  async #loop(duty: Duty, engine: Engine, logger: Logger): Promise<void> {
    const { signal } = this.#stop;
    const listener = engine.bus.listen(duty.wakeOn === undefined ? [] : [duty.wakeOn]);
    let failures = 0;
    while (!signal.aborted) {
      let waitMs = duty.everyMs;
      try {
        waitMs = (await duty.run(engine, signal, logger)) ?? duty.everyMs;
        if (failures > 0) logger.info({ duty: duty.name, failures }, "a duty works again");
        failures = 0;
      } catch (error) {
        // In an outage every duty fails again and again: the first time says it all.
        if (failures === 0) logger.error({ err: error, duty: duty.name }, "a duty failed; it will run again");
        // Of an AggregateError only single runs are to blame: the others do not wait for them.
        if (!(error instanceof AggregateError))
          waitMs = Math.max(duty.everyMs, Math.min(duty.everyMs * 2 ** failures, LONGEST_BACKOFF_MS));
        failures++;
      }
      await listener.heard(waitMs * (1 + SPREAD * (2 * Math.random() - 1)), signal);
    }
    listener.close();
  }
}
