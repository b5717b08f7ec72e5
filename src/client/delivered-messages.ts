import type { StreamMessage } from "./stream-message.ts";

const REMEMBERED = 1000;

/**
 * Recognizes what a server repeats after a reconnect. Within one connection nothing is ever taken for a
 * repetition, so messages that share a cursor are counted rather than only remembered.
 */
export class DeliveredMessages {
  readonly #counts = new Map<string, number>();
  #repeatable = new Map<string, number>();

  connecting(): void {
    this.#repeatable = new Map(this.#counts);
  }

  forgetAll(): void {
    this.#counts.clear();
    this.#repeatable.clear();
  }

  /** Whether the message is new; then it counts as delivered from here on. */
  add(message: StreamMessage): boolean {
    const key = `${message.__typename} ${message.cursor}`;
    const repeatable = this.#repeatable.get(key) ?? 0;
    if (repeatable > 0) {
      this.#repeatable.set(key, repeatable - 1);
      return false;
    }
    this.#counts.set(key, (this.#counts.get(key) ?? 0) + 1);
    if (this.#counts.size > REMEMBERED) this.#counts.delete(this.#counts.keys().next().value!);
    return true;
  }
}
