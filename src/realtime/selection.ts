import type { EdgeItem, LiveLog, LogItem } from "./live-log.ts";

export interface Selected<Item extends LogItem<Position>, Position> {
  readonly log: LiveLog<Item, Position>;
  wants(item: Item): boolean;
}

/** After so many items in a row that a filter left out, its reader is told how far it has come. */
const CHECKPOINT_ITEMS = 500;

/** What one filter lets through of a log, and a checkpoint now and then when that is little. */
export class Selection<Item extends LogItem<Position>, Position> {
  readonly #selected: Selected<Item, Position>;
  #skipped = 0;

  constructor(selected: Selected<Item, Position>) {
    this.#selected = selected;
  }

  of(items: readonly Item[]): readonly (Item | EdgeItem)[] {
    const wanted = items.filter((item) => this.#selected.wants(item));
    const last = items.at(-1);
    this.#skipped = wanted.length > 0 ? 0 : this.#skipped + items.length;
    if (wanted.length > 0 || last === undefined) return wanted;
    if (this.#skipped < CHECKPOINT_ITEMS) return [];
    this.#skipped = 0;
    return [{ kind: "CHECKPOINT", cursor: this.#selected.log.cursorAt(last.position) }];
  }
}
