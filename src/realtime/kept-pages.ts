/** Those who join together read the same pages of history: each is kept for a moment. */
const KEPT_MS = 1_000;

/** Pages that were read a moment ago, or are being read. */
export class KeptPages<Page> {
  readonly #pages = new Map<string | number, Promise<Page>>();

  read(key: string | number, read: () => Promise<Page>): Promise<Page> {
    const known = this.#pages.get(key);
    if (known !== undefined) return known;
    const page = read();
    this.#pages.set(key, page);
    const forget = (): void => void this.#pages.delete(key);
    page.then(() => setTimeout(forget, KEPT_MS).unref(), forget);
    return page;
  }
}
