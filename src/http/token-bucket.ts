import type { Clock } from "../domain/clock.ts";

interface Bucket {
  tokens: number;
  filledAt: number;
}

const MINUTE_MS = 60_000;
const CAPACITY = 10_000;

/** Lets so many things a minute through for each key, in this process; unused ones may come in one burst. */
export class TokenBuckets {
  readonly #perMinute: number;
  readonly #clock: Clock;
  readonly #buckets = new Map<string, Bucket>();

  constructor(perMinute: number, clock: Clock) {
    this.#perMinute = perMinute;
    this.#clock = clock;
  }

  /** @returns 0 when it may pass, else the milliseconds until the next one may */
  take(key: string): number {
    const now = this.#clock.now().getTime();
    const bucket = this.#buckets.get(key) ?? { tokens: this.#perMinute, filledAt: now };
    const earned = ((now - bucket.filledAt) * this.#perMinute) / MINUTE_MS;
    bucket.tokens = Math.min(bucket.tokens + Math.max(earned, 0), this.#perMinute);
    bucket.filledAt = now;
    if (this.#buckets.size >= CAPACITY) this.#buckets.clear();
    this.#buckets.set(key, bucket);
    if (bucket.tokens < 1) return Math.ceil(((1 - bucket.tokens) * MINUTE_MS) / this.#perMinute);
    bucket.tokens -= 1;
    return 0;
  }
}
