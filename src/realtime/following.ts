import { setTimeout as pause } from "node:timers/promises";
import { DatabaseAwayError } from "../domain/refusals.ts";
import { type EdgeItem, type LogItem, NotKeptError } from "./live-log.ts";
import { type Selected, Selection } from "./selection.ts";

/** How long to leave a database alone that is away. */
const AWAY_MS = 500;

/** What one subscriber asked for. Who asks for the same of the same log can be served together. */
export interface FollowRequest<Item extends LogItem<Position>, Position> extends Selected<Item, Position> {
  /** It begins behind this. */
  readonly start: Position;
  /** Why it does not begin where the subscriber wanted; null when it does. */
  readonly reset: string | null;
  /** Last words: they come behind CAUGHT_UP, also when they are history. */
  isLast?(item: Item): boolean;
  /** Asked at the log's end: nothing that the subscriber waits for will follow. */
  isOver(): boolean;
}

/**
 * One subscription: what is stored behind its start, then what is appended; one position, no gap between the two.
 * Iterating over it is the plain way. Whoever serves many subscribers takes batches until it is at the end, where it
 * can be served together with all others there. An idle one is a few small objects, and no promise that waits.
 */
export class Following<Item extends LogItem<Position>, Position>
  implements AsyncIterableIterator<Item | EdgeItem>
{
  readonly request: FollowRequest<Item, Position>;
  readonly #selection: Selection<Item, Position>;
  #at: Position;
  #reset: string | null;
  #caughtUp = false;
  #left = false;
  #released = false;
  /** Ends what the plain way waits for. */
  #wake: (() => void) | null = null;
  #items: AsyncGenerator<Item | EdgeItem, void, void> | null = null;

  constructor(request: FollowRequest<Item, Position>) {
    this.request = request;
    this.#selection = new Selection(request);
    this.#at = request.start;
    this.#reset = request.reset;
  }

  /** Everything up to here was taken. */
  get at(): Position {
    return this.#at;
  }

  /** The subscriber is gone. */
  get left(): boolean {
    return this.#left;
  }

  /** For now there is nothing to take. */
  get atEnd(): boolean {
    return this.#caughtUp && this.#at === this.request.log.end;
  }

  /** It was served by somebody else up to here. */
  moveTo(at: Position): void {
    this.#at = at;
  }

  /** What comes next; perhaps nothing, when it was filtered out or the database is away. Not to be asked at the end. */
  async take(): Promise<readonly (Item | EdgeItem)[]> {
    const { log } = this.request;
    if (this.#reset !== null) {
      const reason = this.#reset;
      this.#reset = null;
      return [{ kind: "RESET", cursor: log.cursorAt(this.#at), reason }];
    }
    if (this.#at !== log.end) {
      const items = await this.#read();
      if (items === null) return [this.#startAnew()];
      const selected = this.#selection.of(items);
      const last = items.at(-1);
      const before = items.at(-2)?.position ?? this.#at;
      this.#at = last?.position ?? this.#at;
      if (this.#caughtUp || last === undefined || last !== selected.at(-1)) return selected;
      if (this.request.isLast?.(last) !== true) return selected;
      return [...selected.slice(0, -1), this.#catchUp(before), last];
    }
    return [this.#catchUp(this.#at)];
  }

  #catchUp(at: Position): EdgeItem {
    this.#caughtUp = true;
    return { kind: "CAUGHT_UP", cursor: this.request.log.cursorAt(at) };
  }

  async next(): Promise<IteratorResult<Item | EdgeItem, void>> {
    this.#items ??= this.#oneByOne();
    return await this.#items.next();
  }

  /** A generator that waits would notice `return()` only with the next item, so the wait is ended first. */
  async return(): Promise<IteratorResult<Item | EdgeItem, void>> {
    this.#left = true;
    this.#wake?.();
    if (!this.#released) this.request.log[Symbol.dispose]();
    this.#released = true;
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async *#oneByOne(): AsyncGenerator<Item | EdgeItem, void, void> {
    try {
      while (!this.#left) {
        if (!this.atEnd) yield* await this.take();
        else if (this.request.isOver()) return;
        else await this.#appended();
      }
    } finally {
      await this.return();
    }
  }

  /** Null when it is not there any more. A restart of the database is only a pause: the position is known. */
  async #read(): Promise<readonly Item[] | null> {
    try {
      const items = await this.request.log.read(this.#at);
      // Whatever the reason, it is not found out by asking without a pause.
      if (items.length === 0) await pause(AWAY_MS);
      return items;
    } catch (error) {
      if (error instanceof NotKeptError) return null;
      if (!(error instanceof DatabaseAwayError)) throw error;
      await pause(AWAY_MS);
      return [];
    }
  }

  #startAnew(): EdgeItem {
    const { log } = this.request;
    this.#at = log.end;
    return {
      kind: "RESET",
      cursor: log.cursorAt(this.#at),
      reason: "what lies between is not kept any more",
    };
  }

  async #appended(): Promise<void> {
    await new Promise<void>((resolve) => {
      const watch = this.request.log.watch(() => this.#wake?.());
      this.#wake = () => {
        this.#wake = null;
        watch[Symbol.dispose]();
        resolve();
      };
    });
  }
}
