import { setTimeout as pause } from "node:timers/promises";
import { type Bus, noticeKeys } from "../domain/bus.ts";
import { DatabaseAwayError } from "../domain/refusals.ts";
import type { Database } from "../persistence/database.ts";
import { readEpoch } from "../persistence/queries/events.ts";
import { ChangeLog } from "./change-log.ts";

/** Without any hint the database is asked this often. */
const LOOK_AGAIN_MS = 2_000;
/** Hints of a busy system come by the thousand: this long they are gathered, and longer where reading takes long. */
const GATHER_MS = 50;
const SHARE_OF_TIME = 0.2;
/** Of what changed before so long a silence some may be forgotten: see duties/forget-changes.ts. */
const LONGEST_SILENCE_MS = 60 * 60 * 1_000;

/** The one log of changes of this process, while anybody follows it. */
export class ChangeFeed implements Disposable {
  readonly #database: Database;
  readonly #bus: Bus;
  readonly #onError: (error: unknown) => void;
  #current: Current | null = null;

  constructor(database: Database, bus: Bus, onError: (error: unknown) => void) {
    this.#database = database;
    this.#bus = bus;
    this.#onError = onError;
  }

  /** The changes, grown up to this moment at least; the caller disposes of them. */
  async follow(): Promise<ChangeLog> {
    if (this.#current === null || this.#current.broken) this.#current = this.#start();
    const current = this.#current;
    current.users++;
    try {
      const log = await current.opening;
      await log.grow();
      return log;
    } catch (error) {
      this.#release(current);
      throw error;
    }
  }

  [Symbol.dispose](): void {
    this.#current?.[Symbol.dispose]();
    this.#current = null;
  }

  #start(): Current {
    const current: Current = new Current({
      opening: ChangeLog.open(this.#database, () => this.#release(current)),
      readEpoch: async () => await readEpoch(this.#database),
      bus: this.#bus,
      onError: this.#onError,
    });
    return current;
  }

  #release(current: Current): void {
    current.users--;
    if (current.users > 0) return;
    current[Symbol.dispose]();
    if (this.#current === current) this.#current = null;
  }
}

interface CurrentOptions {
  readonly opening: Promise<ChangeLog>;
  readonly readEpoch: () => Promise<string>;
  readonly bus: Bus;
  readonly onError: (error: unknown) => void;
}

/** Keeps a log growing: after hints, and from time to time without. */
class Current implements Disposable {
  readonly opening: Promise<ChangeLog>;
  users = 0;
  broken = false;
  readonly #options: CurrentOptions;
  readonly #watch: Disposable;
  readonly #looks: NodeJS.Timeout;
  readonly #closed = new AbortController();
  #hinted = false;
  #reading = false;
  #lastRead = performance.now();

  constructor(options: CurrentOptions) {
    this.#options = options;
    this.opening = options.opening;
    this.#watch = options.bus.watch([noticeKeys.anyRun()], () => this.#hint());
    this.#looks = setInterval(() => void this.#lookAgain(), LOOK_AGAIN_MS).unref();
  }

  [Symbol.dispose](): void {
    this.#closed.abort();
    this.#watch[Symbol.dispose]();
    clearInterval(this.#looks);
  }

  #hint(): void {
    this.#hinted = true;
    if (!this.#reading) void this.#read();
  }

  /** The first hint is followed at once; those that come meanwhile, together. */
  async #read(): Promise<void> {
    const { signal } = this.#closed;
    this.#reading = true;
    while (this.#hinted && !signal.aborted) {
      this.#hinted = false;
      const started = performance.now();
      try {
        await (await this.opening).grow();
        this.#lastRead = started;
      } catch (error) {
        this.#failed(error);
      }
      const took = performance.now() - started;
      const rest = Math.max(GATHER_MS, took / SHARE_OF_TIME - took);
      await pause(rest, undefined, { signal, ref: false }).catch(() => undefined);
    }
    this.#reading = false;
  }

  async #lookAgain(): Promise<void> {
    try {
      const log = await this.opening;
      const isSilent = performance.now() - this.#lastRead > LONGEST_SILENCE_MS;
      if (isSilent || log.epoch !== (await this.#options.readEpoch())) {
        this.broken = true;
        log.break();
      } else this.#hint();
    } catch (error) {
      this.#failed(error);
    }
  }

  #failed(error: unknown): void {
    // The next look finds what was missed, if there is one.
    if (this.#closed.signal.aborted || error instanceof DatabaseAwayError) return;
    this.#options.onError(error);
    // Whoever follows begins anew, and is told if that fails too.
    this.broken = true;
    void this.opening.then((log) => log.break()).catch(() => undefined);
  }
}
