import { performance } from "node:perf_hooks";

/** Milliseconds that never jump: lease arithmetic must survive a corrected wall clock. */
export function monotonicMs(): number {
  return performance.now();
}

/** Resolves after the time or as soon as the signal aborts, whichever is first; never rejects. */
export function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve();
    const finish = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", finish);
      resolve();
    };
    const timer = setTimeout(finish, ms);
    signal?.addEventListener("abort", finish);
  });
}

/** Answers whether the promise settled within the time. */
export async function settlesWithin(promise: Promise<unknown>, ms: number): Promise<boolean> {
  const timeout = new AbortController();
  const settled = promise.then(
    () => true,
    () => true,
  );
  try {
    return await Promise.race([settled, pause(ms, timeout.signal).then(() => false)]);
  } finally {
    timeout.abort();
  }
}

/** Doubling waits with jitter, so that a fleet does not return to a restarted server in step. */
export class Backoff {
  private failures = 0;

  constructor(
    private readonly minMs: number,
    private readonly maxMs: number,
  ) {}

  next(): number {
    const ceiling = Math.min(this.maxMs, this.minMs * 2 ** Math.min(this.failures++, 20));
    return ceiling * (0.5 + Math.random() / 2);
  }

  reset(): void {
    this.failures = 0;
  }
}

const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** A timer for any length (the built-in one fires at once above 24.8 days). The returned function cancels it. */
export function startTimer(ms: number, onEnd: () => void): () => void {
  let timer: NodeJS.Timeout;
  const run = (left: number) => {
    const part = Math.min(left, LONGEST_TIMER_MS);
    timer = setTimeout(() => (left > part ? run(left - part) : onEnd()), part);
  };
  run(ms);
  return () => clearTimeout(timer);
}
