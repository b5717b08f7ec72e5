import { expect } from "vitest";
import { waitFor } from "../../support/wait-for.ts";
import type { FollowedRun } from "./followed-run.ts";
import type { Installation } from "./installation.ts";
import { clientOf, Subscriber, wire } from "./subscriber.ts";

/** Well below what a socket and an account may have. */
const PER_SOCKET = 5;
const SOCKETS_PER_ACCOUNT = 10;

/** All who follow one run. */
export class Audience {
  readonly subscribers: Subscriber[] = [];
  readonly #run: FollowedRun;
  readonly #wireBefore = wire.events;

  constructor(run: FollowedRun) {
    this.#run = run;
  }

  /** Over sockets through the load balancer; waits until all have caught up. */
  async join({ readers, balancer }: Installation, count: number, at: "START" | "HEAD"): Promise<void> {
    const sockets = Math.ceil(count / PER_SOCKET);
    const tokens = await readers(Math.ceil(sockets / SOCKETS_PER_ACCOUNT));
    const clients = Array.from({ length: sockets }, (_, i) =>
      clientOf(balancer.url, tokens[i % tokens.length]!),
    );
    const joined = Array.from(
      { length: count },
      (_, i) => new Subscriber(clients[i % sockets]!, this.#run.id, at),
    );
    this.subscribers.push(...joined);
    await waitFor("all to catch up", () => joined.every(({ marks }) => marks.length > 0), {
      timeoutMs: 60_000,
    });
  }

  /** Waits until every subscription is complete, and fails with the first one that failed. */
  async end(patienceMs: number): Promise<void> {
    let completed = 0;
    const all = Promise.all(
      this.subscribers.map(async (each) => await each.completed.then(() => completed++)),
    );
    const missing = waitFor("the end of all subscriptions", () => completed === this.subscribers.length, {
      timeoutMs: patienceMs,
    }).catch((error: Error) => {
      throw new Error(`${error.message} (${completed} of ${this.subscribers.length} ended)`);
    });
    await Promise.race([all, missing]);
  }

  /** Everyone has what is stored behind their start, in that order and once, and saw the end of history once. */
  expectExactly(stored: readonly number[], startOf: (subscriber: Subscriber) => number): void {
    for (const subscriber of this.subscribers) {
      expect(subscriber.seqs).toEqual(stored.slice(startOf(subscriber)));
      expect(subscriber.marks).toEqual(["CaughtUp"]);
    }
    // The client helper suppressed nothing, either.
    const delivered = this.subscribers.reduce((sum, { seqs }) => sum + seqs.length, 0);
    expect(wire.events - this.#wireBefore).toBe(delivered);
  }

  /** From the commit of the run's end until the last one had it. */
  delayMs(finishedAt: number): number {
    return Math.max(...this.subscribers.map((each) => each.finishedAt!)) - finishedAt;
  }

  get losses(): number[] {
    return this.subscribers.flatMap(({ closures }) => closures);
  }
}
