import { type Bus, keyOfNotice, type Listener, type Notice } from "../domain/bus.ts";

/** The bus of a single process. */
export class InProcessBus implements Bus {
  readonly #listeners = new Map<string, Set<Bell>>();

  publish(notice: Notice): void {
    for (const bell of this.#listeners.get(keyOfNotice(notice)) ?? []) bell.ring();
  }

  listen(keys: readonly string[]): Listener {
    const bell = new Bell(() => {
      for (const key of keys) this.#remove(key, bell);
    });
    for (const key of keys) {
      const bells = this.#listeners.get(key);
      if (bells === undefined) this.#listeners.set(key, new Set([bell]));
      else bells.add(bell);
    }
    return bell;
  }

  #remove(key: string, bell: Bell): void {
    const bells = this.#listeners.get(key);
    bells?.delete(bell);
    if (bells?.size === 0) this.#listeners.delete(key);
  }
}

/** Remembers that it rang: a notice between two waits is not missed. */
class Bell implements Listener {
  readonly #onClose: () => void;
  #rang = false;
  #wake: (() => void) | null = null;

  constructor(onClose: () => void) {
    this.#onClose = onClose;
  }

  ring(): void {
    this.#rang = true;
    this.#wake?.();
  }

  async heard(timeoutMs: number, signal: AbortSignal): Promise<void> {
    if (!this.#rang && !signal.aborted) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, timeoutMs);
        const wake = (): void => {
          clearTimeout(timer);
          resolve();
        };
        this.#wake = wake;
        signal.addEventListener("abort", wake, { once: true });
        this.#unhook = () => signal.removeEventListener("abort", wake);
      });
      this.#unhook();
      this.#wake = null;
    }
    this.#rang = false;
  }

  close(): void {
    this.#onClose();
    this.#wake?.();
  }

  #unhook: () => void = () => undefined;
}
