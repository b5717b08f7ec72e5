import type { Bus } from "../domain/bus.ts";
import { noticeKeys } from "../domain/bus.ts";
import { DatabaseAwayError } from "../domain/refusals.ts";
import type { Database } from "../persistence/database.ts";
import { eventHeads, readEpoch } from "../persistence/queries/events.ts";
import { FollowedRun } from "./followed-run.ts";

/** Without any hint the database is asked this often whether something was missed, for all runs at once. */
const LOOK_AGAIN_MS = 2_000;

interface Followed {
  readonly opening: Promise<FollowedRun>;
  readonly watch: Disposable;
  /** Null until it is open. */
  run: FollowedRun | null;
  users: number;
}

/** The runs that this process follows, each of them once however many subscribers it has. */
export class RunHub implements Disposable {
  readonly #database: Database;
  readonly #bus: Bus;
  readonly #onError: (error: unknown) => void;
  readonly #followed = new Map<string, Followed>();
  #timer: NodeJS.Timeout | null = null;
  #looking = false;

  constructor(database: Database, bus: Bus, onError: (error: unknown) => void) {
    this.#database = database;
    this.#bus = bus;
    this.#onError = onError;
  }

  /** The run's events; the caller disposes of them. */
  async follow(runId: string): Promise<FollowedRun> {
    const epoch = await readEpoch(this.#database);
    const before = this.#followed.get(runId);
    if (before?.run != null && before.run.epoch !== epoch) this.#break(before);
    const followed = this.#followed.get(runId) ?? this.#open(runId);
    followed.users++;
    try {
      followed.run = await followed.opening;
      return followed.run;
    } catch (error) {
      this.#release(runId, followed);
      throw error;
    }
  }

  [Symbol.dispose](): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
    for (const { watch } of this.#followed.values()) watch[Symbol.dispose]();
    this.#followed.clear();
  }

  #open(runId: string): Followed {
    const followed: Followed = {
      // Heard of before it is read: what is committed in between is not missed.
      watch: this.#bus.watch([noticeKeys.run(runId)], (notice) => {
        if (notice?.topic === "run" && notice.lastSeq <= (followed.run?.end ?? 0)) return;
        this.#grow(followed);
      }),
      opening: FollowedRun.open(this.#database, runId, () => this.#release(runId, followed)),
      run: null,
      users: 0,
    };
    this.#followed.set(runId, followed);
    this.#timer ??= setInterval(() => void this.#lookAgain(), LOOK_AGAIN_MS).unref();
    return followed;
  }

  #release(runId: string, followed: Followed): void {
    followed.users--;
    if (followed.users > 0) return;
    followed.watch[Symbol.dispose]();
    if (this.#followed.get(runId) === followed) this.#followed.delete(runId);
    if (this.#followed.size > 0 || this.#timer === null) return;
    clearInterval(this.#timer);
    this.#timer = null;
  }

  /** Before it is open there is nothing to catch up with but its first look. */
  #grow(followed: Followed): void {
    followed.opening
      .then(async (run) => await run.grow())
      .catch((error: unknown) => {
        // The next look finds what was missed.
        if (!(error instanceof DatabaseAwayError)) this.#onError(error);
      });
  }

  /** Finds what no hint told of: one statement, however many runs are followed. */
  async #lookAgain(): Promise<void> {
    if (this.#looking) return;
    this.#looking = true;
    try {
      const open = [...this.#followed.values()].filter(({ run }) => run !== null && !run.deleted);
      const epoch = await readEpoch(this.#database);
      const heads = await eventHeads(
        this.#database,
        open.map(({ run }) => run!.runId),
      );
      for (const followed of open) {
        const run = followed.run!;
        const lastSeq = heads.get(run.runId);
        if (run.epoch !== epoch || (lastSeq !== undefined && lastSeq < run.end)) this.#break(followed);
        else if (lastSeq !== run.end) this.#grow(followed);
      }
    } catch (error) {
      if (!(error instanceof DatabaseAwayError)) this.#onError(error);
    } finally {
      this.#looking = false;
    }
  }

  #break(followed: Followed): void {
    const run = followed.run!;
    if (this.#followed.get(run.runId) === followed) this.#followed.delete(run.runId);
    run.break();
  }
}
