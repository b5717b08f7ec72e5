interface Waiter<T> {
  resolve(result: IteratorResult<T, undefined>): void;
  reject(error: unknown): void;
}

/** How a stream is over: with an error to throw, or without. */
export interface Ending {
  readonly error?: unknown;
}

/** Between the connection, which cannot be paused, and a consumer that takes its time. */
export class MessageQueue<T> {
  readonly #values: T[] = [];
  readonly #waiters: Waiter<T>[] = [];
  #ending: Ending | null = null;

  get length(): number {
    return this.#values.length;
  }

  get ended(): boolean {
    return this.#ending !== null;
  }

  push(value: T): void {
    const waiter = this.#waiters.shift();
    if (waiter === undefined) this.#values.push(value);
    else waiter.resolve({ done: false, value });
  }

  /** What was pushed before can still be taken. */
  end(ending: Ending): void {
    this.#ending ??= ending;
    for (const waiter of this.#waiters.splice(0)) this.take().then(waiter.resolve, waiter.reject);
  }

  clear(): void {
    this.#values.length = 0;
  }

  async take(): Promise<IteratorResult<T, undefined>> {
    if (this.#values.length > 0) return { done: false, value: this.#values.shift()! };
    if (this.#ending === null) {
      return new Promise((resolve, reject) => this.#waiters.push({ resolve, reject }));
    }
    const ending = this.#ending;
    // An error is thrown once; from then on the iteration is simply over.
    this.#ending = {};
    if ("error" in ending) throw ending.error;
    return { done: true, value: undefined };
  }
}
