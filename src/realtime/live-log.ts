/** Something that grows at its end and that many read: the events of a run, the changes of all runs. */
export interface LiveLog<Item extends LogItem<Position>, Position> extends Disposable {
  /** How far this process has read. Positions are the same place exactly when they are `===`. */
  readonly end: Position;
  /** The cursor that continues behind a position. */
  cursorAt(position: Position): string;
  /**
   * What lies behind a position, oldest first, up to `end` at most; never nothing unless the position is the end.
   * Who reads the newest part gets the very objects that everybody gets.
   * @throws DatabaseAwayError when it cannot tell for now, NotKeptError, BusyError when the reader has to start anew
   */
  read(after: Position): Promise<readonly Item[]>;
  /** Calls back in the tick in which `end` moves, with what lies between; with nothing when the log broke. */
  watch(onAppended: (items: readonly Item[]) => void): Disposable;
}

/** What lies behind the position is not kept any more, or was never there. */
export class NotKeptError extends Error {}

export interface LogItem<Position> {
  readonly kind: string;
  /** Continues behind this item. */
  readonly cursor: string;
  /** Behind this item. */
  readonly position: Position;
}

/** What a stream says about itself. */
export type EdgeItem =
  /** History is over; what follows is live. Comes exactly once. */
  | { readonly kind: "CAUGHT_UP"; readonly cursor: string }
  /** Much was left out by the stream's filter: from here on is enough to resume. */
  | { readonly kind: "CHECKPOINT"; readonly cursor: string }
  /** The position cannot be continued from; the stream goes on from `cursor`, and what lies before must be reread. */
  | { readonly kind: "RESET"; readonly cursor: string; readonly reason: string };

/** Everyone who watches one log, told in the order in which they came. */
export class Watchers<Item> {
  readonly #watchers = new Set<(items: readonly Item[]) => void>();

  add(onAppended: (items: readonly Item[]) => void): Disposable {
    // A function of its own: the same callback may watch twice.
    const watcher = (items: readonly Item[]): void => onAppended(items);
    this.#watchers.add(watcher);
    return { [Symbol.dispose]: () => void this.#watchers.delete(watcher) };
  }

  tell(items: readonly Item[]): void {
    for (const watcher of [...this.#watchers]) watcher(items);
  }
}
