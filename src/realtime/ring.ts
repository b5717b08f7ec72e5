/** Of one log: enough for whoever falls behind by a moment; older items are read from the database. */
const MOST_ITEMS = 1_024;

/** The newest items of a log without a gap, each at its number. */
export class Ring<Item extends { readonly position: number }> {
  /** Items begin behind this position. */
  #start: number;
  #items: Item[] = [];

  constructor(start: number) {
    this.#start = start;
  }

  append(items: readonly Item[]): void {
    this.#items.push(...items);
    // Seldom and half of it at once: moving an array costs as much as it is long.
    if (this.#items.length <= 2 * MOST_ITEMS) return;
    const dropped = this.#items.splice(0, this.#items.length - MOST_ITEMS);
    this.#start = dropped.at(-1)!.position;
  }

  /** Null when the position lies before what is kept. */
  after(position: number): readonly Item[] | null {
    if (position < this.#start) return null;
    // From the end: most readers are close to it.
    return this.#items.slice(this.#items.findLastIndex((item) => item.position <= position) + 1);
  }
}
