/** Reads what is new, one reading at a time: whoever asks meanwhile is answered by a further one. */
export class Growth {
  readonly #readNew: () => Promise<void>;
  #again = false;
  #running: Promise<void> | null = null;

  constructor(readNew: () => Promise<void>) {
    this.#readNew = readNew;
  }

  /** Resolves when everything is read that was there before the call. */
  async grow(): Promise<void> {
    this.#again = true;
    this.#running ??= this.#run();
    await this.#running;
  }

  async #run(): Promise<void> {
    try {
      while (this.#again) {
        this.#again = false;
        await this.#readNew();
      }
    } finally {
      // In the same turn in which it was seen that nobody asked again.
      this.#running = null;
    }
  }
}
