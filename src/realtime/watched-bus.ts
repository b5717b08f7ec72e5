import { type Bus, keysOfNotice, type Listener, type Notice, type OnNotice } from "../domain/bus.ts";
import { Bell } from "./bell.ts";

interface Watch {
  readonly onNotice: OnNotice;
}

/** Who watches what: the same for every bus. They differ only in how notices travel between processes. */
export abstract class WatchedBus implements Bus, AsyncDisposable {
  readonly #byKey = new Map<string, Set<Watch>>();
  readonly #open = new Set<Watch>();

  abstract publish(notice: Notice): void;

  watch(keys: readonly string[], onNotice: OnNotice): Disposable {
    const watch: Watch = { onNotice };
    // Who watches nothing has nothing to be in doubt about.
    if (keys.length > 0) this.#open.add(watch);
    for (const key of keys) {
      const watches = this.#byKey.get(key);
      if (watches === undefined) this.#byKey.set(key, new Set([watch]));
      else watches.add(watch);
    }
    return {
      [Symbol.dispose]: () => {
        this.#open.delete(watch);
        for (const key of keys) this.#remove(key, watch);
      },
    };
  }

  listen(keys: readonly string[]): Listener {
    return new Bell((ring) => this.watch(keys, ring));
  }

  /** There is something to close only where there are connections. */
  async [Symbol.asyncDispose](): Promise<void> {}

  /** Tells the watchers of this process; null tells all of them. */
  protected tell(notice: Notice | null): void {
    if (notice === null) this.#call(this.#open, null);
    else for (const key of keysOfNotice(notice)) this.#call(this.#byKey.get(key), notice);
  }

  #call(watches: ReadonlySet<Watch> | undefined, notice: Notice | null): void {
    if (watches === undefined) return;
    // Of a copy: whoever is told may close his watch or another's, or open new ones.
    for (const watch of [...watches]) if (this.#open.has(watch)) callSafely(watch.onNotice, notice);
  }

  #remove(key: string, watch: Watch): void {
    const watches = this.#byKey.get(key);
    watches?.delete(watch);
    if (watches?.size === 0) this.#byKey.delete(key);
  }
}

/** A fault of one watcher is neither the publisher's nor another watcher's: it surfaces by itself. */
function callSafely(onNotice: OnNotice, notice: Notice | null): void {
  try {
    onNotice(notice);
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}
