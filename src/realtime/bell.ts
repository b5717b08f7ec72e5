import type { Listener } from "../domain/bus.ts";

/** Remembers that it rang: a notice between two waits is not missed. */
export class Bell implements Listener {
  readonly #watch: Disposable;
  #rang = false;
  #wake: (() => void) | null = null;

  constructor(watch: (ring: () => void) => Disposable) {
    this.#watch = watch(() => {
      this.#rang = true;
      this.#wake?.();
    });
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
    this.#watch[Symbol.dispose]();
    this.#wake?.();
  }

  #unhook: () => void = () => undefined;
}
