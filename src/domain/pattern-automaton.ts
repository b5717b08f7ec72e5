/**
 * Finds many patterns in one pass (Aho and Corasick). A state says which beginning of a pattern the bytes so far end
 * with: the longest one there is. Children of a state form a list, because secrets are long and hardly branch.
 */
export class PatternAutomaton {
  /** By state: how many bytes of a pattern the input ends with. */
  readonly depth: Int32Array;
  /** By state: length of the longest pattern that ends here; 0 = none does. */
  readonly longest: Int32Array;
  readonly #fromRoot = new Int32Array(256);
  readonly #byte: Uint8Array;
  readonly #firstChild: Int32Array;
  readonly #nextSibling: Int32Array;
  readonly #fallback: Int32Array;

  /** @param patterns none of them empty */
  constructor(patterns: Iterable<Uint8Array>) {
    const list = [...patterns];
    const most = 1 + list.reduce((sum, { length }) => sum + length, 0);
    this.depth = new Int32Array(most);
    this.longest = new Int32Array(most);
    this.#byte = new Uint8Array(most);
    this.#firstChild = new Int32Array(most);
    this.#nextSibling = new Int32Array(most);
    this.#fallback = new Int32Array(most);
    let states = 1;
    for (const pattern of list) states = this.#add(pattern, states);
    this.#link(states);
  }

  next(state: number, byte: number): number {
    for (let from = state; from !== 0; from = this.#fallback[from]!) {
      const child = this.#child(from, byte);
      if (child !== 0) return child;
    }
    return this.#fromRoot[byte]!;
  }

  #child(state: number, byte: number): number {
    let child = this.#firstChild[state]!;
    while (child !== 0 && this.#byte[child] !== byte) child = this.#nextSibling[child]!;
    return child;
  }

  /** @returns how many states there are then */
  #add(pattern: Uint8Array, states: number): number {
    let count = states;
    let state = 0;
    for (const byte of pattern) {
      let child = state === 0 ? this.#fromRoot[byte]! : this.#child(state, byte);
      if (child === 0) {
        child = count++;
        this.#byte[child] = byte;
        this.depth[child] = this.depth[state]! + 1;
        if (state === 0) this.#fromRoot[byte] = child;
        this.#nextSibling[child] = this.#firstChild[state]!;
        this.#firstChild[state] = child;
      }
      state = child;
    }
    this.longest[state] = pattern.length;
    return count;
  }

  /** Level by level: where a state falls back to is less deep, and done already. */
  #link(states: number): void {
    const queue = new Int32Array(states);
    let end = 1;
    for (let at = 0; at < end; at++) {
      const state = queue[at]!;
      for (let child = this.#firstChild[state]!; child !== 0; child = this.#nextSibling[child]!) {
        const fallback = state === 0 ? 0 : this.next(this.#fallback[state]!, this.#byte[child]!);
        this.#fallback[child] = fallback;
        if (this.longest[child] === 0) this.longest[child] = this.longest[fallback]!;
        queue[end++] = child;
      }
    }
  }
}
