import { randomBytes } from "node:crypto";
import { setTimeout } from "node:timers/promises";
import type { Notice } from "../domain/bus.ts";
import type { Logger } from "../observability/logger.ts";
import { NoticeStream, type StreamAddress } from "./notice-stream.ts";
import { Outbox } from "./outbox.ts";
import { decodePacket } from "./packet.ts";
import { reasonOf } from "./redis-connection.ts";
import { RedisOutage } from "./redis-outage.ts";
import { WatchedBus } from "./watched-bus.ts";

const FIRST_BACKOFF_MS = 50;
const LONGEST_BACKOFF_MS = 1_000;
/** Of processes that are long gone, too; forgetting one costs a doubt. */
const MOST_SENDERS = 1_000;

export interface RedisBusOptions extends StreamAddress {
  readonly logger: Logger;
}

/**
 * The bus of several processes: one stream in Redis, read from a known id by one connection of each process. Any
 * trouble ends the same way: connect anew, note where the stream ends, tell every watcher that anything may have
 * happened, read on from there. So nothing is lost between two connections, and nobody waits for Redis.
 */
export class RedisBus extends WatchedBus {
  readonly #address: StreamAddress;
  readonly #logger: Logger;
  readonly #sender = randomBytes(9).toString("base64url");
  readonly #outbox = new Outbox(this.#sender);
  readonly #outage: RedisOutage;
  readonly #lastNumbers = new Map<string, number>();
  readonly #stop = new AbortController();
  readonly #running: Promise<void>;
  #unreadable = 0;

  constructor({ url, key, logger }: RedisBusOptions) {
    super();
    this.#address = { url, key };
    this.#logger = logger;
    this.#outage = new RedisOutage(logger);
    this.#running = this.#run();
  }

  /** Notices that could not be sent, and those of others that could not be read. */
  get counts(): { readonly lost: number; readonly unreadable: number } {
    return { lost: this.#outbox.lost, unreadable: this.#unreadable };
  }

  publish(notice: Notice): void {
    this.tell(notice);
    this.#outbox.add(notice);
  }

  override async [Symbol.asyncDispose](): Promise<void> {
    await this.#outbox.sent();
    this.#stop.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop;
    let failures = 0;
    while (!signal.aborted) {
      let stream: NoticeStream | null = null;
      try {
        stream = await NoticeStream.open(this.#address, signal);
        const start = await this.#outbox.attach(stream);
        failures = 0;
        this.#outage.over(this.#outbox.lost);
        this.tell(null);
        await this.#follow(stream, start);
      } catch (error) {
        if (!signal.aborted) this.#outage.failed(reasonOf(error), this.#outbox.lost);
      } finally {
        this.#outbox.detach();
        stream?.[Symbol.dispose]();
      }
      await setTimeout(backoff(failures++), undefined, { signal }).catch(() => undefined);
    }
  }

  /** Ends only by failing. */
  async #follow(stream: NoticeStream, start: string): Promise<never> {
    for (let last = start, seen = start; ; ) {
      const entries = await stream.read(last, seen);
      for (const { text } of entries) this.#hear(text);
      seen = last;
      last = entries.at(-1)?.id ?? last;
    }
  }

  #hear(text: string | null): void {
    const packet = text === null ? null : decodePacket(text);
    if (packet === null) {
      this.#skip(1);
      return;
    }
    if (packet.sender === this.#sender) return;
    if (this.#missedBefore(packet.sender, packet.number)) this.tell(null);
    for (const notice of packet.notices) this.tell(notice);
    this.#skip(packet.unreadable);
  }

  /** Whether packets of the sender got lost since it was last heard of. */
  #missedBefore(sender: string, number: number): boolean {
    const missed = number !== (this.#lastNumbers.get(sender) ?? 0) + 1;
    if (this.#lastNumbers.size >= MOST_SENDERS) this.#lastNumbers.clear();
    this.#lastNumbers.set(sender, number);
    return missed;
  }

  #skip(unreadable: number): void {
    if (this.#unreadable === 0 && unreadable > 0)
      this.#logger.warn({ key: this.#address.key }, "Redis holds notices that this version cannot read");
    this.#unreadable += unreadable;
  }
}

/** Jittered, so that processes that lost Redis together do not come back together. */
function backoff(failures: number): number {
  return Math.min(FIRST_BACKOFF_MS * 2 ** failures, LONGEST_BACKOFF_MS) * (0.5 + Math.random() / 2);
}
