import type { Redis } from "ioredis";
import { connectToRedis } from "./redis-connection.ts";

export interface StreamAddress {
  readonly url: string;
  /** Of the stream; processes with the same key hear each other. */
  readonly key: string;
}

export interface StreamEntry {
  readonly id: string;
  /** Null if somebody else wrote it. */
  readonly text: string | null;
}

/** About as many are kept; readers that fall further behind notice a gap. */
const KEPT_ENTRIES = 4_096;
const READ_AT_ONCE = 500;
const BLOCK_MS = 1_000;
/** Beyond the block: a Redis that does not answer by then is gone, whatever its socket says. */
const WATCHDOG_MS = 2_000;
const APPEND_TIMEOUT_MS = 250;
const FIELD = "p";

/**
 * A stream in Redis over two connections: the reader's waits for most of its life. After the first failure both are
 * closed and every call fails.
 */
export class NoticeStream implements Disposable {
  readonly #key: string;
  readonly #reader: Redis;
  readonly #writer: Redis;
  #fault: Error | null = null;

  private constructor(key: string, reader: Redis, writer: Redis) {
    this.#key = key;
    this.#reader = reader;
    this.#writer = writer;
  }

  static async open({ url, key }: StreamAddress, signal: AbortSignal): Promise<NoticeStream> {
    const options = { answerTimeoutMs: BLOCK_MS + WATCHDOG_MS, signal };
    const reader = await connectToRedis(url, options);
    try {
      return new NoticeStream(key, reader, await connectToRedis(url, options));
    } catch (error) {
      reader.disconnect();
      throw error;
    }
  }

  /** @returns the new entry's id */
  async append(text: string): Promise<string> {
    return await this.#attempt(async () => {
      const answer = this.#writer.xadd(this.#key, "MAXLEN", "~", KEPT_ENTRIES, "*", FIELD, text);
      const id = await answeredWithin(answer, APPEND_TIMEOUT_MS);
      if (id === null) throw new Error("Redis stored no entry");
      return id;
    });
  }

  /**
   * Waits up to a second for entries behind `last`. Fails if the entry `seen`, which was there before, is gone: the
   * stream was dropped or replaced, and ids say nothing any more.
   */
  async read(last: string, seen: string): Promise<StreamEntry[]> {
    return await this.#attempt(async () => {
      const check = this.#reader.xrange(this.#key, seen, seen);
      const answer = this.#reader.xread("COUNT", READ_AT_ONCE, "BLOCK", BLOCK_MS, "STREAMS", this.#key, last);
      // It fails together with the check, whose error is the one to tell.
      answer.catch(() => undefined);
      if ((await check).length === 0) throw new Error("the notices in Redis were dropped");
      const [stream] = (await answer) ?? [];
      return (stream?.[1] ?? []).map(([id, fields]) => ({
        id,
        text: fields[0] === FIELD ? (fields[1] ?? null) : null,
      }));
    });
  }

  [Symbol.dispose](): void {
    this.#reader.disconnect();
    this.#writer.disconnect();
  }

  /** The first failure is what all others come from. */
  async #attempt<Result>(work: () => Promise<Result>): Promise<Result> {
    try {
      return await work();
    } catch (error) {
      this.#fault ??= error instanceof Error ? error : new Error(String(error));
      this[Symbol.dispose]();
      throw this.#fault;
    }
  }
}

/**
 * After the time is over, what has already arrived is still read: it is not Redis that is slow if this process
 * was busy all the while.
 */
async function answeredWithin<Answer>(answer: Promise<Answer>, timeoutMs: number): Promise<Answer> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      setImmediate(() => reject(new Error(`Redis did not answer within ${timeoutMs} ms`)));
    }, timeoutMs);
  });
  try {
    return await Promise.race([answer, late]);
  } finally {
    clearTimeout(timer);
  }
}
