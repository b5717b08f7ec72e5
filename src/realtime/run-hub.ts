import { type Bus, noticeKeys } from "../domain/bus.ts";
import { BusyError } from "../domain/refusals.ts";
import type { Database } from "../persistence/database.ts";
import { eventHeads, readEpoch } from "../persistence/queries/events.ts";
import { FollowedRun } from "./followed-run.ts";
import { OpenLogs } from "./open-logs.ts";

/** Without any hint the database is asked this often whether something was missed, for all runs at once. */
const LOOK_AGAIN_MS = 2_000;

/** The runs that this process follows, each of them once however many subscribers it has. */
export class RunHub implements Disposable {
  readonly #database: Database;
  readonly #bus: Bus;
  readonly #onError: (error: unknown) => void;
  readonly #runs: OpenLogs<FollowedRun>;
  readonly #doubts: Disposable;

  constructor(database: Database, bus: Bus, onError: (error: unknown) => void) {
    this.#database = database;
    this.#bus = bus;
    this.#onError = onError;
    const look = async (open: readonly FollowedRun[]): Promise<void> => await this.#look(open);
    this.#runs = new OpenLogs({ lookAgainMs: LOOK_AGAIN_MS, look, onError });
    this.#doubts = bus.watch([noticeKeys.anyRun()], (notice) => {
      if (notice === null) void this.#runs.lookAgain();
    });
  }

  /** The run's events; the caller disposes of them. */
  async follow(runId: string): Promise<FollowedRun> {
    const epoch = await readEpoch(this.#database);
    const before = this.#runs.get(runId);
    if (before !== null && (before.broken || before.epoch !== epoch)) this.#break(before);
    const sources = { database: this.#database, bus: this.#bus, onError: this.#onError };
    return await this.#runs.follow(
      runId,
      async (onRelease) => await FollowedRun.open({ ...sources, epoch, runId, onRelease }),
    );
  }

  [Symbol.dispose](): void {
    this.#doubts[Symbol.dispose]();
    this.#runs[Symbol.dispose]();
  }

  /** One statement, however many runs are followed. */
  async #look(open: readonly FollowedRun[]): Promise<void> {
    // As of before the look: they may grow meanwhile.
    const alive = open
      .filter(({ deleted, broken }) => !deleted && !broken)
      .map((run) => ({ run, end: run.end }));
    const epoch = await readEpoch(this.#database);
    const heads = await eventHeads(
      this.#database,
      alive.map(({ run }) => run.runId),
    );
    for (const { run, end } of alive) {
      const lastSeq = heads.get(run.runId);
      if (run.epoch !== epoch || (lastSeq !== undefined && lastSeq < end)) this.#break(run);
      else if (lastSeq !== run.end) run.hint();
    }
  }

  #break(run: FollowedRun): void {
    if (this.#runs.get(run.runId) === run) this.#runs.forget(run.runId);
    if (!run.broken) run.break(new BusyError("the database was replaced: follow the run anew"));
  }
}
