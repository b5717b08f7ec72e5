import type { Logger } from "../observability/logger.ts";

/** Redis answered, and said no: somebody has to do something about it. */
const REFUSAL = /^[A-Z]+ /;

/** Turns the many failures of one outage into a line at its start and one at its end. */
export class RedisOutage {
  readonly #logger: Logger;
  #current: { readonly since: number; readonly lost: number; reason: string } | null = null;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /** @param lost notices lost so far, in this outage and before */
  failed(reason: string, lost: number): void {
    const known = this.#current;
    if (known !== null && (known.reason === reason || !REFUSAL.test(reason))) return;
    if (known === null) this.#current = { since: performance.now(), lost, reason };
    else known.reason = reason;
    this.#logger.warn({ reason }, "Redis is away: changes made by other processes are seen up to 2 s later");
  }

  over(lost: number): void {
    if (this.#current === null) return;
    const seconds = Math.round((performance.now() - this.#current.since) / 1_000);
    this.#logger.info({ seconds, lostNotices: lost - this.#current.lost }, "Redis is back");
    this.#current = null;
  }
}
