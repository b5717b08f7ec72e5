import type { CancelMode } from "./protocol.ts";

/** One task's order to end. It can only get stronger: GRACEFUL, then FORCE. */
export class StopRequest {
  private readonly listeners = new Set<(mode: CancelMode) => void>();
  private readonly controller = new AbortController();
  private current: CancelMode | null = null;

  get mode(): CancelMode | null {
    return this.current;
  }

  /** Aborted by the first order, of either mode. */
  get signal(): AbortSignal {
    return this.controller.signal;
  }

  order(mode: CancelMode): void {
    if (this.current === mode || this.current === "FORCE") return;
    this.current = mode;
    this.controller.abort();
    for (const listener of this.listeners) listener(mode);
  }

  /** Answers how to unsubscribe. An order given before is delivered at once. */
  subscribe(listener: (mode: CancelMode) => void): () => void {
    this.listeners.add(listener);
    if (this.current !== null) listener(this.current);
    return () => this.listeners.delete(listener);
  }
}
