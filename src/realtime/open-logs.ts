import { DatabaseAwayError } from "../domain/refusals.ts";
import { Growth } from "./growth.ts";

/** A log that is followed: it disposes of one follower, and is closed with its last one. */
export interface OpenLog extends Disposable {
  close(): void;
}

export interface OpenLogsOptions<Log> {
  readonly lookAgainMs: number;
  /** Finds what no hint told of, for all that are open at once. */
  look(open: readonly Log[]): Promise<void>;
  onError(error: unknown): void;
}

interface Entry<Log> {
  readonly opening: Promise<Log>;
  /** Null until it is open. */
  log: Log | null;
  users: number;
}

/** The logs of one kind that this process follows, each of them once however many followers it has. */
export class OpenLogs<Log extends OpenLog> implements Disposable {
  readonly #options: OpenLogsOptions<Log>;
  readonly #entries = new Map<string, Entry<Log>>();
  #timer: NodeJS.Timeout | null = null;
  readonly #looks = new Growth(async () => await this.#look());

  constructor(options: OpenLogsOptions<Log>) {
    this.#options = options;
  }

  /** Null when it is not open yet. */
  get(key: string): Log | null {
    return this.#entries.get(key)?.log ?? null;
  }

  /** @param open gives the log what to call whenever somebody disposes of it */
  async follow(key: string, open: (onRelease: () => void) => Promise<Log>): Promise<Log> {
    const entry = this.#entries.get(key) ?? this.#open(key, open);
    entry.users++;
    try {
      entry.log = await entry.opening;
      return entry.log;
    } catch (error) {
      this.#release(key, entry);
      throw error;
    }
  }

  /** Whoever comes from now on gets another one; those who follow it keep it. */
  forget(key: string): void {
    this.#entries.delete(key);
  }

  [Symbol.dispose](): void {
    this.#stopLooking();
    for (const { log } of this.#entries.values()) log?.close();
    this.#entries.clear();
  }

  #open(key: string, open: (onRelease: () => void) => Promise<Log>): Entry<Log> {
    const entry: Entry<Log> = { opening: open(() => this.#release(key, entry)), log: null, users: 0 };
    this.#entries.set(key, entry);
    this.#timer ??= setInterval(() => void this.lookAgain(), this.#options.lookAgainMs).unref();
    return entry;
  }

  #release(key: string, entry: Entry<Log>): void {
    entry.users--;
    if (entry.users > 0) return;
    entry.log?.close();
    if (this.#entries.get(key) === entry) this.#entries.delete(key);
    if (this.#entries.size === 0) this.#stopLooking();
  }

  #stopLooking(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
  }

  /** Whether or not it is time. */
  async lookAgain(): Promise<void> {
    await this.#looks.grow();
  }

  async #look(): Promise<void> {
    try {
      const open = [...this.#entries.values()].flatMap(({ log }) => (log === null ? [] : [log]));
      await this.#options.look(open);
    } catch (error) {
      // The next look tells.
      if (!(error instanceof DatabaseAwayError)) this.#options.onError(error);
    }
  }
}
