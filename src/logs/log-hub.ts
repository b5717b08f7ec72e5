import { readEpoch } from "../persistence/queries/events.ts";
import { OpenLogs } from "../realtime/open-logs.ts";
import { type FollowedAttempt, FollowedLog, type FollowSources } from "./followed-log.ts";

/** Without any hint it is looked this often whether something was missed, or whether a runner was lost meanwhile. */
export const LOOK_AGAIN_MS = 1_000;

/** The logs that this process follows, each of them once however many subscribers it has. */
export class LogHub implements Disposable {
  readonly #sources: FollowSources;
  readonly #onError: (error: unknown) => void;
  readonly #logs: OpenLogs<FollowedLog>;

  constructor(sources: FollowSources, onError: (error: unknown) => void) {
    this.#sources = sources;
    this.#onError = onError;
    const look = async (open: readonly FollowedLog[]): Promise<void> => {
      for (const log of open) if (!log.over && !log.broken) log.hint();
    };
    this.#logs = new OpenLogs({ lookAgainMs: LOOK_AGAIN_MS, look, onError });
  }

  /** The log, grown up to this moment at least; the caller disposes of it. */
  async follow(what: FollowedAttempt): Promise<FollowedLog> {
    const key = keyOf(what);
    const before = this.#logs.get(key);
    // Of a database that was replaced, or broken: who follows it finds out.
    if (before !== null && (before.broken || before.epoch !== (await readEpoch(this.#sources.database))))
      this.#logs.forget(key);
    const options = { sources: this.#sources, what, onError: this.#onError };
    const log = await this.#logs.follow(
      key,
      async (onRelease) => await FollowedLog.open({ ...options, onRelease }),
    );
    try {
      await log.grow();
      return log;
    } catch (error) {
      log[Symbol.dispose]();
      throw error;
    }
  }

  [Symbol.dispose](): void {
    this.#logs[Symbol.dispose]();
  }
}

function keyOf({ runId, step, attempt, grep }: FollowedAttempt): string {
  return JSON.stringify([runId, step, attempt, grep]);
}
