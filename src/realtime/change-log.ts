import { BusyError } from "../domain/refusals.ts";
import type { Database } from "../persistence/database.ts";
import {
  changeHead,
  changesBetween,
  type RunChange,
  type Snapshot,
} from "../persistence/queries/run-changes.ts";
import { type ChangePosition, changeCursor, positionWithin, spanBehind } from "./change-cursors.ts";
import { Growth } from "./growth.ts";
import { KeptPages } from "./kept-pages.ts";
import { type LiveLog, Watchers } from "./live-log.ts";

/** Runs that transactions changed, each of them once, however often: what counts is how it is now. */
export interface ChangeItem {
  readonly kind: "CHANGES";
  readonly cursor: string;
  readonly position: ChangePosition;
  /** At most `MOST_RUNS`; none where a span was empty. */
  readonly changes: readonly RunChange[];
}

export const MOST_RUNS = 100;
/** Of history, at a time. */
const PAGE_RUNS = 1_000;
/** Of what is new: all of it is told at once, unless it is this much. */
const POLL_RUNS = 20_000;
/** Enough for whoever falls behind by a moment; older changes are read from the database. */
const KEPT_RUNS = 20_000;
const KEPT_ITEMS = 1_024;

/**
 * The changes of all runs, read once for all subscribers of this process. `end` is always a snapshot: what is appended
 * is all that lies between it and a later one.
 */
export class ChangeLog implements LiveLog<ChangeItem, ChangePosition> {
  readonly epoch: string;
  readonly #database: Database;
  readonly #onRelease: () => void;
  readonly #watchers = new Watchers<ChangeItem>();
  readonly #growth = new Growth(async () => await this.#readNew());
  readonly #pages = new KeptPages<readonly ChangeItem[]>();
  readonly #derived = new KeptPages<unknown>();
  /** The newest, without a gap: they begin behind `#keptFrom`. */
  #kept: ChangeItem[] = [];
  #keptRuns = 0;
  #keptFrom: ChangePosition;
  #end: Snapshot;
  #broken = false;

  private constructor(database: Database, epoch: string, end: Snapshot, onRelease: () => void) {
    this.#database = database;
    this.epoch = epoch;
    this.#end = end;
    this.#keptFrom = end;
    this.#onRelease = onRelease;
  }

  /** @param onRelease called for each time that somebody disposes of it */
  static async open(database: Database, onRelease: () => void): Promise<ChangeLog> {
    const { epoch, snapshot } = await changeHead(database);
    return new ChangeLog(database, epoch, snapshot, onRelease);
  }

  get end(): ChangePosition {
    return this.#end;
  }

  cursorAt(position: ChangePosition): string {
    return changeCursor(this.epoch, position);
  }

  async read(after: ChangePosition): Promise<readonly ChangeItem[]> {
    if (this.#broken) throw new BusyError("the changes have to be followed anew");
    const kept = this.#keptAfter(after);
    if (kept !== null) return kept;
    const span = spanBehind(after);
    const until = span.until ?? this.#end;
    return await this.#pages.read(`${after} ${until}`, async () => {
      const page = await changesBetween(this.#database, { ...span, until }, PAGE_RUNS);
      if (page.forgotten) throw new BusyError("the position is older than what is kept: subscribe again");
      return this.#items(page.changes, span.after, until, page.changes.length === PAGE_RUNS);
    });
  }

  watch(onAppended: (items: readonly ChangeItem[]) => void): Disposable {
    return this.#watchers.add(onAppended);
  }

  /** What follows from all that this process has read: made once, however many ask for it under the same key. */
  async derive<Value>(key: string, make: () => Promise<Value>): Promise<Value> {
    if (this.#broken) throw new BusyError("the changes have to be followed anew");
    return (await this.#derived.read(`${this.#end} ${key}`, make)) as Value;
  }

  /** Resolves when everything is read that was committed before the call. */
  async grow(): Promise<void> {
    await this.#growth.grow();
  }

  /** What lies behind `end` is unknown: whoever follows has to begin anew. */
  break(): void {
    this.#broken = true;
    // No position equals it: whoever waits reads, and is told.
    this.#end = "";
    this.#watchers.tell([]);
  }

  [Symbol.dispose](): void {
    this.#onRelease();
  }

  async #readNew(): Promise<void> {
    if (this.#broken) return;
    const after = this.#end;
    const items: ChangeItem[] = [];
    let afterRun: string | null = null;
    let until: Snapshot | null = null;
    for (let more = true; more; ) {
      const page = await changesBetween(this.#database, { after, until, afterRun }, POLL_RUNS);
      until = page.until;
      more = page.changes.length === POLL_RUNS;
      afterRun = page.changes.at(-1)?.runId ?? afterRun;
      items.push(...this.#items(page.changes, after, until, more));
    }
    if (items.some(({ changes }) => changes.length > 0)) this.#append(items, until!);
  }

  #append(items: readonly ChangeItem[], end: Snapshot): void {
    if (this.#broken) return;
    this.#kept.push(...items);
    for (const { changes } of items) this.#keptRuns += changes.length;
    this.#end = end;
    this.#dropOld();
    this.#watchers.tell(items);
  }

  /** Half of it at once: moving an array costs as much as it is long. */
  #dropOld(): void {
    if (this.#keptRuns <= KEPT_RUNS && this.#kept.length <= KEPT_ITEMS) return;
    let dropped = 0;
    while (this.#keptRuns > KEPT_RUNS / 2 || this.#kept.length - dropped > KEPT_ITEMS / 2)
      this.#keptRuns -= this.#kept[dropped++]!.changes.length;
    this.#keptFrom = this.#kept[dropped - 1]!.position;
    this.#kept.splice(0, dropped);
  }

  /** Null when the position is not that of something that is kept. */
  #keptAfter(position: ChangePosition): readonly ChangeItem[] | null {
    const at = this.#kept.findLastIndex((item) => item.position === position);
    if (at === -1 && position !== this.#keptFrom) return null;
    return this.#kept.slice(at + 1);
  }

  /** The last one stands at the end of the span, also when there is nothing in it, unless there is more. */
  #items(
    changes: readonly RunChange[],
    after: Snapshot,
    until: Snapshot,
    more: boolean,
  ): readonly ChangeItem[] {
    const items: ChangeItem[] = [];
    for (let from = 0; from === 0 || from < changes.length; from += MOST_RUNS) {
      const some = changes.slice(from, from + MOST_RUNS);
      const isLast = !more && from + MOST_RUNS >= changes.length;
      const position = isLast ? until : positionWithin(after, until, some.at(-1)!.runId);
      items.push({ kind: "CHANGES", cursor: this.cursorAt(position), position, changes: some });
    }
    return items;
  }
}
