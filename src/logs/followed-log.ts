import { type Bus, noticeKeys } from "../domain/bus.ts";
import type { Clock } from "../domain/clock.ts";
import { BusyError } from "../domain/refusals.ts";
import type { Database } from "../persistence/database.ts";
import { readEpoch } from "../persistence/queries/events.ts";
import { type LogHead, logHead } from "../persistence/queries/logs.ts";
import { findSteps } from "../persistence/queries/steps.ts";
import { Growth } from "../realtime/growth.ts";
import { type LiveLog, Watchers } from "../realtime/live-log.ts";
import { Ring } from "../realtime/ring.ts";
import type { BlobStore } from "../storage/blob-store.ts";
import { type LogMessage, logCursor, messageOfPiece, truncatedEnd } from "./log-start.ts";
import { type StoredPiece, storedPieces } from "./read-log.ts";

export interface FollowSources {
  readonly database: Database;
  readonly blobs: BlobStore;
  readonly bus: Bus;
  readonly clock: Clock;
}

/** The log of one attempt, as it is shown to those who want to see only some of its lines, or all. */
export interface FollowedAttempt {
  readonly runId: string;
  readonly step: number;
  readonly attempt: number;
  /** Only lines that contain this text; null = all. */
  readonly grep: string | null;
}

export type LogEntry = LogMessage & {
  /** A byte of the log, doubled; the log's END lies behind its last byte, and so has the odd number. */
  readonly position: number;
  /** Another MiB was read. */
  readonly isMilestone: boolean;
};

/** Of history, about so much is read at a time. */
const PAGE_BYTES = 2 ** 20;
/** Enough for whoever falls behind by a moment. */
const KEPT = { weigh: weightOf, mostWeight: 2 ** 19 };
/** A filtered stream tells how far it has come at least this often. */
const CHECKPOINT_BYTES = 2 ** 20;

export interface FollowedLogOptions {
  readonly sources: FollowSources;
  readonly what: FollowedAttempt;
  /** Called for each time that somebody disposes of it. */
  readonly onRelease: () => void;
  readonly onError: (error: unknown) => void;
}

/** The log of one attempt, read once for all subscribers of this process who want the same of it. */
export class FollowedLog implements LiveLog<LogEntry, number> {
  readonly what: FollowedAttempt;
  readonly epoch: string;
  readonly #options: FollowedLogOptions;
  readonly #watchers = new Watchers<LogEntry>();
  readonly #growth = new Growth(async () => await this.#readNew());
  #ring = new Ring<LogEntry>(0, KEPT);
  #watch: Disposable;
  #head: LogHead | null = null;
  #end = 0;
  #over = false;
  #fault: unknown = null;

  private constructor(options: FollowedLogOptions, epoch: string) {
    this.what = options.what;
    this.epoch = epoch;
    this.#options = options;
    this.#watch = this.#hear([noticeKeys.run(options.what.runId)]);
  }

  static async open(options: FollowedLogOptions): Promise<FollowedLog> {
    const { sources, what } = options;
    const log = new FollowedLog(options, await readEpoch(sources.database));
    try {
      const head = await logHead(sources.database, what.runId, what.step, what.attempt, sources.clock.now());
      // History is read by those who want it.
      log.#end = 2 * (head?.length ?? 0);
      log.#ring = new Ring(log.#end, KEPT);
      await log.grow();
      return log;
    } catch (error) {
      log.close();
      throw error;
    }
  }

  get end(): number {
    return this.#end;
  }

  /** Bytes that were read. */
  get length(): number {
    return Math.floor(this.#end / 2);
  }

  /** Nothing will follow: it was read to its END, or there never will be such an attempt. */
  get over(): boolean {
    return this.#over;
  }

  get broken(): boolean {
    return this.#fault !== null;
  }

  cursorAt(position: number): string {
    return logCursor(this.epoch, this.what, Math.floor(position / 2));
  }

  watch(onAppended: (items: readonly LogEntry[]) => void): Disposable {
    return this.#watchers.add(onAppended);
  }

  async read(after: number): Promise<readonly LogEntry[]> {
    if (this.#fault !== null) throw this.#fault;
    const kept = this.#ring.after(after);
    if (kept !== null) return kept;
    const items: LogEntry[] = [];
    for await (const item of this.#stored({ ...this.#head!, length: this.length }, after / 2)) {
      items.push(item);
      if (item.position - after >= 2 * PAGE_BYTES) break;
    }
    // Dropped just now: the next look finds a gap.
    if (items.length === 0) await this.grow();
    return items;
  }

  /** Something may be new. */
  hint(): void {
    this.grow().catch((error: unknown) => {
      // The next look finds what was missed.
      if (error instanceof BusyError) return;
      this.#options.onError(error);
      this.#break(error);
    });
  }

  async grow(): Promise<void> {
    await this.#growth.grow();
  }

  [Symbol.dispose](): void {
    this.#options.onRelease();
  }

  close(): void {
    this.#over = true;
    this.#watch[Symbol.dispose]();
  }

  #hear(keys: readonly string[]): Disposable {
    return this.#options.sources.bus.watch(keys, () => this.hint());
  }

  async #readNew(): Promise<void> {
    const { database, clock } = this.#options.sources;
    const { runId, step, attempt } = this.what;
    if (this.#over || this.#fault !== null) return;
    const head = await logHead(database, runId, step, attempt, clock.now());
    const isFound = this.#head === null && head !== null;
    this.#head = head;
    if (head === null) {
      if (await this.#neverStarts()) this.#finish([]);
      return;
    }
    if (isFound) {
      // What was appended before it is heard of has to be looked for once more.
      this.#watch[Symbol.dispose]();
      this.#watch = this.#hear([noticeKeys.run(runId), noticeKeys.log(head)]);
      return await this.#readNew();
    }
    if (head.length < this.length)
      return this.#break(new BusyError("the database was replaced: follow the log anew"));
    for await (const item of this.#stored(head, this.length)) this.#append([item]);
    const truncated = truncatedEnd(head, this.length);
    if (truncated !== null) this.#finish([this.#endItem(head, truncated)]);
  }

  /** @param items none when there is no such attempt: then nobody is told more than that it is over */
  #finish(items: readonly LogEntry[]): void {
    this.#over = true;
    if (items.length > 0) this.#append(items);
    else this.#watchers.tell([]);
  }

  #append(items: readonly LogEntry[]): void {
    this.#ring.append(items);
    this.#end = items.at(-1)!.position;
    this.#watchers.tell(items);
  }

  /** It cannot be followed any further: whoever does is told why. */
  #break(fault: unknown): void {
    this.#fault = fault;
    this.#end = Number.NaN;
    this.#watchers.tell([]);
  }

  async *#stored(head: LogHead, offset: number): AsyncGenerator<LogEntry, void, void> {
    let from = offset;
    for await (const piece of storedPieces(this.#options.sources, this.what.grep, head, offset)) {
      yield this.#item(piece, from);
      from = piece.offset;
    }
  }

  #item(piece: StoredPiece, from: number): LogEntry {
    const position = 2 * piece.offset;
    const isMilestone = Math.floor(from / CHECKPOINT_BYTES) < Math.floor(piece.offset / CHECKPOINT_BYTES);
    const message = messageOfPiece(piece, this.what.attempt, this.cursorAt(position));
    return { ...message, position, isMilestone };
  }

  #endItem({ nextAttempt }: LogHead, truncated: boolean): LogEntry {
    const { attempt } = this.what;
    const cursor = this.cursorAt(this.#end);
    const end = { kind: "END", finalOffset: this.length, truncated, nextAttempt } as const;
    return { ...end, attempt, cursor, position: this.#end + 1, isMilestone: false };
  }

  /** The step has ended, or is gone, without having come to that attempt. */
  async #neverStarts(): Promise<boolean> {
    const { runId, step, attempt } = this.what;
    const [found] = await findSteps(this.#options.sources.database, [{ runId, index: step }]);
    return found === undefined || (found.finishedAt !== null && found.attempt < attempt);
  }
}

/** Lines that a filter left out are told of only when there are many. */
export function isWorthTelling(item: LogEntry): boolean {
  return item.kind !== "LINES" || item.lines.length > 0 || item.isMilestone;
}

function weightOf(item: LogEntry): number {
  if (item.kind !== "LINES") return 100;
  return item.lines.reduce((sum, { text }) => sum + text.length + 100, 100);
}
