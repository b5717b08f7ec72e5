import { setImmediate } from "node:timers/promises";
import { keyOfNotice, type Notice } from "../domain/bus.ts";
import type { NoticeStream } from "./notice-stream.ts";
import { encodePacket } from "./packet.ts";

const MOST_IN_PACKET = 128;

/**
 * Sends this process's notices, one packet at a time: what comes meanwhile waits and is merged, so there is never
 * more to send than there are keys. Without a stream everything is lost at once, and counted.
 */
export class Outbox {
  readonly #sender: string;
  readonly #waiting = new Map<string, Notice>();
  #stream: NoticeStream | null = null;
  #sending: Promise<void> | null = null;
  #number = 0;
  #lost = 0;

  constructor(sender: string) {
    this.#sender = sender;
  }

  get lost(): number {
    return this.#lost;
  }

  add(notice: Notice): void {
    if (this.#stream === null) {
      this.#lose(1);
      return;
    }
    const key = keyOfNotice(notice);
    this.#waiting.set(key, newer(this.#waiting.get(key), notice));
    this.#sending ??= this.#send();
  }

  /**
   * From now on notices are sent there. The first packet is empty: it shows that Redis takes packets, and its number
   * tells others what they missed. @returns its id; whatever comes from others is behind it
   */
  async attach(stream: NoticeStream): Promise<string> {
    this.#stream = stream;
    return await stream.append(this.#packet([]));
  }

  detach(): void {
    this.#stream = null;
    this.#lose(this.#waiting.size);
    this.#waiting.clear();
  }

  /** Resolves when nothing waits to be sent. */
  async sent(): Promise<void> {
    await this.#sending;
  }

  async #send(): Promise<void> {
    // What is published in one tick travels together.
    await setImmediate();
    while (this.#stream !== null && this.#waiting.size > 0) {
      const stream = this.#stream;
      const notices = this.#take();
      try {
        await stream.append(this.#packet(notices));
      } catch {
        // The reader of the same stream fails with it and tells why; there may be another stream by now.
        this.#lose(notices.length);
        if (this.#stream === stream) this.detach();
      }
    }
    this.#sending = null;
  }

  #take(): Notice[] {
    const taken = [...this.#waiting.entries()].slice(0, MOST_IN_PACKET);
    for (const [key] of taken) this.#waiting.delete(key);
    return taken.map(([, notice]) => notice);
  }

  #packet(notices: readonly Notice[]): string {
    return encodePacket({ sender: this.#sender, number: ++this.#number, notices });
  }

  #lose(notices: number): void {
    this.#lost += notices;
    this.#number += notices;
  }
}

/** Commits of one run may be announced in another order than they were made. */
function newer(waiting: Notice | undefined, notice: Notice): Notice {
  const overtaken = waiting?.topic === "run" && notice.topic === "run" && waiting.lastSeq > notice.lastSeq;
  return overtaken ? waiting : notice;
}
