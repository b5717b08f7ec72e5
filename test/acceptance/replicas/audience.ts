import { expect } from "vitest";
import { WebSocket } from "ws";
import { createRuncastClient } from "../../../src/client/runcast-client.ts";
import { waitFor } from "../../support/wait-for.ts";
import type { FollowedRun } from "./followed-run.ts";
import type { Installation } from "./installation.ts";
import { Subscriber } from "./subscriber.ts";

/** Well below what a socket and an account may have. */
const PER_SOCKET = 5;
const SOCKETS_PER_ACCOUNT = 10;

/** All who follow one run. */
export class Audience implements Disposable {
  readonly #run: FollowedRun;
  readonly #subscribers: Subscriber[] = [];
  readonly #wire = { events: 0 };

  constructor(run: FollowedRun) {
    this.#run = run;
  }

  get size(): number {
    return this.#subscribers.length;
  }

  /** The codes with which connections were lost, one for each subscriber that was on them. */
  get losses(): number[] {
    return this.#subscribers.flatMap(({ losses }) => losses);
  }

  /** Over sockets through the load balancer; waits until all have caught up. */
  async join({ readers, balancer }: Installation, count: number, at: "START" | "HEAD"): Promise<void> {
    const sockets = Math.ceil(count / PER_SOCKET);
    const tokens = await readers(Math.ceil(sockets / SOCKETS_PER_ACCOUNT));
    const webSocketImpl = countingInto(this.#wire);
    const clients = Array.from({ length: sockets }, (_, i) =>
      createRuncastClient({ url: balancer.url, token: tokens[i % tokens.length]!, webSocketImpl }),
    );
    const joined = Array.from(
      { length: count },
      (_, i) => new Subscriber({ client: clients[i % sockets]!, runId: this.#run.id, at }),
    );
    this.#subscribers.push(...joined);
    const live = (): boolean => joined.every(({ marks }) => marks.length > 0);
    await waitFor("all to catch up", live, { timeoutMs: 60_000 });
  }

  /** Waits until everyone has the event with that seq. */
  async hear(seq: number): Promise<void> {
    await waitFor(`event ${seq}`, () => this.#subscribers.every(({ seqs }) => seqs.at(-1) === seq));
  }

  /** Waits until every subscription is complete, and fails with the first one that failed. */
  async end(timeoutMs: number): Promise<void> {
    let completed = 0;
    const one = async (subscriber: Subscriber): Promise<void> => {
      await subscriber.completed;
      completed++;
    };
    const all = Promise.all(this.#subscribers.map(one));
    const late = waitFor("all to complete", () => completed === this.size, { timeoutMs }).catch(
      ({ message }: Error) => {
        throw new Error(`${message} (${completed} of ${this.size} did)`);
      },
    );
    await Promise.race([all, late]);
  }

  /**
   * Everyone has what is stored, in that order and once, and saw the end of history once.
   * @param head where those began who asked for what comes
   */
  expectExactly(stored: readonly number[], head = 0): void {
    for (const { seqs, marks, startsAt } of this.#subscribers) {
      expect(seqs).toEqual(stored.slice(startsAt === "HEAD" ? head : 0));
      expect(marks).toEqual(["CaughtUp"]);
    }
    // And the servers repeated nothing, which the client would hide.
    const delivered = this.#subscribers.reduce((sum, { seqs }) => sum + seqs.length, 0);
    expect(this.#wire.events).toBe(delivered);
  }

  /** From the commit of the run's end until the last one had it. */
  delayMs(finishedAt: number): number {
    return Math.max(...this.#subscribers.map((each) => each.finishedAt!)) - finishedAt;
  }

  /** Those who are left do not go on beside the next test. */
  [Symbol.dispose](): void {
    for (const subscriber of this.#subscribers) subscriber.leave();
  }
}

/** A WebSocket that counts the events that come over the wire. */
function countingInto(wire: { events: number }): unknown {
  return class extends WebSocket {
    constructor(...args: ConstructorParameters<typeof WebSocket>) {
      super(...args);
      this.on("message", (data) => {
        if (String(data).includes('"seq":')) wire.events++;
      });
    }
  };
}
