import { setTimeout as pause } from "node:timers/promises";
import { DatabaseAwayError } from "../domain/refusals.ts";
import type { EdgeItem, LiveLog, LogItem } from "./live-log.ts";
import { Selection } from "./selection.ts";

/** How long to leave a database alone that is away. */
const AWAY_MS = 500;

/** What one subscriber asked for. Who asks for the same of the same log can be served together. */
export interface FollowRequest<Item extends LogItem<Position>, Position> {
  readonly log: LiveLog<Item, Position>;
  /** It begins behind this. */
  readonly start: Position;
  /** Why it does not begin where the subscriber wanted; null when it does. */
  readonly reset: string | null;
  wants(item: Item): boolean;
  /** Asked at the log's end: nothing that the subscriber waits for will follow. */
  isOver(): boolean;
}

export interface Park<Position> {
  /** Waits at the log's end; resolves to the position to go on from, and soon after the subscriber has left. */
  wait(at: Position): Promise<Position>;
}

/**
 * One subscription: what is stored behind its start, then what is appended; one position, no gap between the two.
 * Iterating over it is the plain way. Whoever serves many subscribers takes `batches` and brings a `park` in which
 * a subscriber at the log's end is served together with all others there.
 */
export class Following<Item extends LogItem<Position>, Position>
  implements AsyncIterableIterator<Item | EdgeItem>
{
  readonly request: FollowRequest<Item, Position>;
  #left = false;
  /** Ends what is waited for. */
  #wake: (() => void) | null = null;
  #items: AsyncGenerator<Item | EdgeItem, void, void> | null = null;
  #released = false;

  constructor(request: FollowRequest<Item, Position>) {
    this.request = request;
  }

  /** The subscriber is gone. */
  get left(): boolean {
    return this.#left;
  }

  async *batches(park: Park<Position>): AsyncGenerator<readonly (Item | EdgeItem)[], void, void> {
    const { log, start, reset } = this.request;
    const selection = new Selection(this.request);
    let at = start;
    let caughtUp = false;
    try {
      if (reset !== null) yield [{ kind: "RESET", cursor: log.cursorAt(at), reason: reset }];
      while (!this.#left) {
        if (at !== log.end) {
          const items = await this.#read(at);
          at = items.at(-1)?.position ?? at;
          const selected = selection.of(items);
          if (selected.length > 0) yield selected;
        } else if (!caughtUp) {
          caughtUp = true;
          yield [{ kind: "CAUGHT_UP", cursor: log.cursorAt(at) }];
        } else if (this.request.isOver()) return;
        else at = await park.wait(at);
      }
    } finally {
      this.#release();
    }
  }

  async next(): Promise<IteratorResult<Item | EdgeItem, void>> {
    this.#items ??= this.#oneByOne();
    return await this.#items.next();
  }

  /** A generator that waits would notice `return()` only with the next item, so the wait is ended first. */
  async return(): Promise<IteratorResult<Item | EdgeItem, void>> {
    this.#left = true;
    this.#wake?.();
    this.#release();
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async *#oneByOne(): AsyncGenerator<Item | EdgeItem, void, void> {
    const park = { wait: async (at: Position) => await this.#appended(at) };
    for await (const batch of this.batches(park)) yield* batch;
  }

  /** A restart of the database is only a pause: the position is known. */
  async #read(at: Position): Promise<readonly Item[]> {
    try {
      return await this.request.log.read(at);
    } catch (error) {
      if (!(error instanceof DatabaseAwayError)) throw error;
      await pause(AWAY_MS);
      return [];
    }
  }

  async #appended(at: Position): Promise<Position> {
    await new Promise<void>((resolve) => {
      const watch = this.request.log.watch(() => this.#wake?.());
      this.#wake = () => {
        this.#wake = null;
        watch[Symbol.dispose]();
        resolve();
      };
    });
    return at;
  }

  #release(): void {
    if (this.#released) return;
    this.#released = true;
    this.request.log[Symbol.dispose]();
  }
}
