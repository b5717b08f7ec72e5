import { type Bus, noticeKeys } from "../domain/bus.ts";
import { BusyError } from "../domain/refusals.ts";
import type { Database } from "../persistence/database.ts";
import {
  deletionEvent,
  type EventHead,
  type EventRecord,
  eventHead,
  eventsAfter,
  findTombstone,
} from "../persistence/queries/events.ts";
import { Growth } from "./growth.ts";
import { KeptPages } from "./kept-pages.ts";
import { type LiveLog, NotKeptError, Watchers } from "./live-log.ts";
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

export interface FollowRunOptions {
  readonly database: Database;
  readonly bus: Bus;
  readonly runId: string;
  /** Read before the run is. */
  readonly epoch: string;
  /** Called for each time that somebody disposes of it. */
  readonly onRelease: () => void;
  readonly onError: (error: unknown) => void;
}

const PAGE = 500;
/** Enough for whoever falls behind by a moment; there may be thousands of runs. */
const KEPT = { weigh: weightOf, mostWeight: 2 ** 18 };

/**
 * The events of one run, read once for all subscribers of this process. Events of a run are committed in the order
 * of their seq, under the run's lock: whatever is read is complete up to where it ends.
 */
export class FollowedRun implements LiveLog<RunLogItem, number> {
  readonly runId: string;
  readonly epoch: string;
  readonly #database: Database;
  readonly #onRelease: () => void;
  readonly #onError: (error: unknown) => void;
  readonly #watch: Disposable;
  readonly #growth = new Growth(async () => await this.#readNew());
  #ring = new Ring<RunLogItem>(0, KEPT);
  readonly #watchers = new Watchers<RunLogItem>();
  readonly #pages = new KeptPages<readonly RunLogItem[]>();
  #end = 0;
  #finished = false;
  #deleted = false;
  #fault: unknown = null;
  #begun = false;
  #closed = false;

  private constructor({ runId, epoch, database, bus, onRelease, onError }: FollowRunOptions) {
    this.runId = runId;
    this.epoch = epoch;
    this.#database = database;
    this.#onRelease = onRelease;
    this.#onError = onError;
    this.#watch = bus.watch([noticeKeys.run(runId)], (notice) => {
      // Where there is doubt, the hub looks for all of its runs at once.
      if (notice?.topic === "run" && notice.lastSeq > this.#end) this.hint();
    });
  }

  static async open(options: FollowRunOptions): Promise<FollowedRun> {
    const { database, runId } = options;
    // Hints are heard from before it is read: what is committed in between is not missed.
    const run = new FollowedRun(options);
    try {
      await run.#begin(await eventHead(database, runId));
      return run;
    } catch (error) {
      run.close();
      throw error;
    }
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

  get broken(): boolean {
    return this.#fault !== null;
  }

  get deleted(): boolean {
    return this.#deleted;
  }

  cursorAt(position: number): string {
    return runCursor(this.epoch, this.runId, position);
  }

  async read(after: number): Promise<readonly RunLogItem[]> {
    if (this.#fault !== null) throw this.#fault;
    const kept = this.#ring.after(after);
    if (kept !== null) return kept;
    const page = await this.#pages.read(after, async () => {
      const events = await nextEvents(this.#database, this.runId, after);
      if (events.length === 0) throw new NotKeptError("events of the run are not kept any more");
      return events.map((event) => this.#item(event));
    });
    // What was committed a moment ago is told to all at once, by growing.
    return page.filter(({ position }) => position <= this.#end);
  }

  watch(onAppended: (items: readonly RunLogItem[]) => void): Disposable {
    return this.#watchers.add(onAppended);
  }

  /** Something may be new. */
  hint(): void {
    this.grow().catch((error: unknown) => {
      // The next look finds what was missed.
      if (error instanceof BusyError) return;
      this.#onError(error);
      this.break(error);
    });
  }

  /** Resolves when everything is read that was committed before the call. */
  async grow(): Promise<void> {
    await this.#growth.grow();
  }

  /** It cannot be followed any further: whoever does is told why. */
  break(fault: unknown): void {
    this.#fault = fault;
    // No position equals it: whoever waits reads, and is told.
    this.#end = Number.NaN;
    this.#watchers.tell([]);
  }

  [Symbol.dispose](): void {
    this.#onRelease();
  }

  close(): void {
    this.#closed = true;
    this.#watch[Symbol.dispose]();
  }

  async #begin(head: EventHead | null): Promise<void> {
    // A position behind the deletion is one that it can only be told to.
    const tombstone = head === null ? await findTombstone(this.#database, this.runId) : null;
    this.#end = head?.lastSeq ?? (tombstone === null ? 0 : tombstone.seq - 1);
    this.#finished = head?.finished ?? false;
    this.#ring = new Ring(this.#end, KEPT);
    this.#begun = true;
    if (tombstone !== null) this.#append([deletionEvent(tombstone)]);
    // What was hinted at meanwhile.
    await this.grow();
  }

  async #readNew(): Promise<void> {
    for (let more = true; more && this.#begun && this.#fault === null && !this.#deleted && !this.#closed; ) {
      const events = await nextEvents(this.#database, this.runId, this.#end);
      this.#append(events);
      more = events.length === PAGE;
    }
  }

  #append(events: readonly EventRecord[]): void {
    const last = events.at(-1);
    if (last === undefined || this.#fault !== null) return;
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

function weightOf({ event }: RunLogItem): number {
  return 300 + JSON.stringify(event.payload).length;
}

/** Of a deleted run, whose events may be gone in part, only its deletion is left to be told. */
async function nextEvents(database: Database, runId: string, seq: number): Promise<EventRecord[]> {
  const events = await eventsAfter(database, runId, seq, PAGE);
  const gap = events.findIndex((event, i) => event.seq !== seq + 1 + i);
  if (events.length > 0 && gap !== 0) return gap === -1 ? events : events.slice(0, gap);
  const tombstone = await findTombstone(database, runId);
  return tombstone === null || tombstone.seq <= seq ? [] : [deletionEvent(tombstone)];
}
