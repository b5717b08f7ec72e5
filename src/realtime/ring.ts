/** How much is kept: between this and twice as much. */
export interface RingLimits<Item> {
  /** About how many bytes it takes. */
  readonly weigh: (item: Item) => number;
  readonly mostWeight: number;
}

/** The newest items of a log without a gap; older ones are read from the database. */
export class Ring<Item extends { readonly position: number }> {
  readonly #limits: RingLimits<Item>;
  /** Items begin behind this position. */
  #start: number;
  #items: Item[] = [];
  /** Of each item. */
  #weights: number[] = [];
  #weight = 0;

  constructor(start: number, limits: RingLimits<Item>) {
    this.#start = start;
    this.#limits = limits;
  }

  append(items: readonly Item[]): void {
    const { weigh, mostWeight } = this.#limits;
    this.#items.push(...items);
    for (const item of items) {
      const weight = weigh(item);
      this.#weights.push(weight);
      this.#weight += weight;
    }
    // Seldom and half of it at once: moving an array costs as much as it is long.
    if (this.#weight <= 2 * mostWeight) return;
    let dropped = 0;
    while (this.#weight > mostWeight) this.#weight -= this.#weights[dropped++]!;
    this.#start = this.#items[dropped - 1]!.position;
    this.#items.splice(0, dropped);
    this.#weights.splice(0, dropped);
  }

  /** Null when the position lies before what is kept. */
  after(position: number): readonly Item[] | null {
    if (position < this.#start) return null;
    // From the end: most readers are close to it.
    return this.#items.slice(this.#items.findLastIndex((item) => item.position <= position) + 1);
  }
}
