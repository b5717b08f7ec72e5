import { BusyError } from "../domain/refusals.ts";
import type { Database } from "../persistence/database.ts";
import {
  deletionEvent,
  type EventRecord,
  eventHead,
  eventsAfter,
  findTombstone,
  readEpoch,
} from "../persistence/queries/events.ts";
import { KeptPages } from "./kept-pages.ts";
import { type LiveLog, Watchers } from "./live-log.ts";
import { Ring } from "./ring.ts";
import { runCursor } from "./run-cursors.ts";

/** An event, and where it leaves whoever received it. */
export interface RunLogItem {
  readonly kind: "EVENT";
  readonly cursor: string;
  /** Its seq. */
  readonly position: number;
  readonly event: EventRecord;
}

const PAGE = 500;

/**
 * The events of one run, read once for all subscribers of this process. Events of a run are committed in the order
 * of their seq, under the run's lock: whatever is read is complete up to where it ends.
 */
export class FollowedRun implements LiveLog<RunLogItem, number> {
  readonly runId: string;
  readonly epoch: string;
  readonly #database: Database;
  readonly #onRelease: () => void;
  readonly #ring: Ring<RunLogItem>;
  readonly #watchers = new Watchers<RunLogItem>();
  readonly #pages = new KeptPages<readonly RunLogItem[]>();
  #end: number;
  #finished: boolean;
  #deleted = false;
  #broken = false;
  #growth: Promise<void> | null = null;
  #again = false;

  private constructor(options: {
    readonly runId: string;
    readonly database: Database;
    readonly onRelease: () => void;
    readonly epoch: string;
    readonly end: number;
    readonly finished: boolean;
  }) {
    this.runId = options.runId;
    this.epoch = options.epoch;
    this.#database = options.database;
    this.#onRelease = options.onRelease;
    this.#end = options.end;
    this.#finished = options.finished;
    this.#ring = new Ring(options.end);
  }

  /** @param onRelease called for each time that somebody disposes of it */
  static async open(database: Database, runId: string, onRelease: () => void): Promise<FollowedRun> {
    const epoch = await readEpoch(database);
    const head = await eventHead(database, runId);
    if (head !== null) {
      return new FollowedRun({
        runId,
        database,
        onRelease,
        epoch,
        end: head.lastSeq,
        finished: head.finished,
      });
    }
    // A position behind the deletion is one that it can only be told to.
    const tombstone = await findTombstone(database, runId);
    const end = tombstone === null ? 0 : tombstone.seq - 1;
    const run = new FollowedRun({ runId, database, onRelease, epoch, end, finished: false });
    if (tombstone !== null) run.#append([deletionEvent(tombstone)]);
    return run;
  }

  get end(): number {
    return this.#end;
  }

  /** The newest position at which a subscriber may begin: before a deletion, which must be told. */
  get head(): number {
    return this.#deleted ? this.#end - 1 : this.#end;
  }

  /** It has ended and was not reopened since, as of `end`. */
  get finished(): boolean {
    return this.#finished;
  }

  get deleted(): boolean {
    return this.#deleted;
  }

  cursorAt(position: number): string {
    return runCursor(this.epoch, this.runId, position);
  }

  async read(after: number): Promise<readonly RunLogItem[]> {
    if (this.#broken) throw new BusyError("the run's events have to be followed anew");
    const kept = this.#ring.after(after);
    if (kept !== null) return kept;
    const page = await this.#pages.read(after, async () => {
      const events = await nextEvents(this.#database, this.runId, after);
      return events.map((event) => this.#item(event));
    });
    // What was committed a moment ago is told to all at once, by growing.
    return page.filter(({ position }) => position <= this.#end);
  }

  watch(onAppended: (items: readonly RunLogItem[]) => void): Disposable {
    return this.#watchers.add(onAppended);
  }

  /** Resolves when everything is read that was committed before the call. */
  async grow(): Promise<void> {
    this.#again = true;
    this.#growth ??= this.#readNew().finally(() => {
      this.#growth = null;
    });
    await this.#growth;
  }

  /** The database is another one than that which these events came from: whoever follows has to begin anew. */
  break(): void {
    this.#broken = true;
    // No position equals it: whoever waits reads, and is told.
    this.#end = Number.NaN;
    this.#watchers.tell([]);
  }

  [Symbol.dispose](): void {
    this.#onRelease();
  }

  async #readNew(): Promise<void> {
    while (this.#again && !this.#broken && !this.#deleted) {
      this.#again = false;
      const events = await nextEvents(this.#database, this.runId, this.#end);
      this.#append(events);
      if (events.length === PAGE) this.#again = true;
    }
  }

  #append(events: readonly EventRecord[]): void {
    const last = events.at(-1);
    if (last === undefined || this.#broken) return;
    for (const { type } of events) {
      if (type === "RunFinished") this.#finished = true;
      if (type === "RunReopened") this.#finished = false;
    }
    this.#deleted = last.type === "RunDeleted";
    const items = events.map((event) => this.#item(event));
    this.#ring.append(items);
    this.#end = last.seq;
    this.#watchers.tell(items);
  }

  #item(event: EventRecord): RunLogItem {
    return { kind: "EVENT", cursor: this.cursorAt(event.seq), position: event.seq, event };
  }
}

/** Of a deleted run, whose events may be gone in part, only its deletion is left to be told. */
async function nextEvents(database: Database, runId: string, seq: number): Promise<EventRecord[]> {
  const events = await eventsAfter(database, runId, seq, PAGE);
  const gap = events.findIndex((event, i) => event.seq !== seq + 1 + i);
  if (events.length > 0 && gap !== 0) return gap === -1 ? events : events.slice(0, gap);
  const tombstone = await findTombstone(database, runId);
  return tombstone === null || tombstone.seq <= seq ? [] : [deletionEvent(tombstone)];
}
