import { FaultLog } from "./fault-log.ts";
import { LogStream } from "./log-stream.ts";
import type { RunnerLogger } from "./logger.ts";
import { type LogAppend, type LogAppendResult, type LogKey, logKeyOf } from "./protocol.ts";
import { isProtocolError } from "./protocol-error.ts";
import type { RunnerTiming } from "./timing.ts";
import { Backoff, pause } from "./waiting.ts";

/** All log data of one request together, and the room it may take in a body of at most 256 KiB. */
const MAX_REQUEST_BYTES = 128 * 1024;
const MAX_REQUEST_JSON_BYTES = 208 * 1024;
const MAX_REQUEST_STREAMS = 100;
/** This much is worth a request without waiting for more. */
const FULL_BYTES = 64 * 1024;

export interface LogShipperOptions {
  readonly timing: Pick<RunnerTiming, "logFlushMs" | "retryMinMs" | "retryMaxMs">;
  readonly logger: RunnerLogger;
  /** Rejects like the protocol client; waits for a session while there is none. */
  readonly append: (
    appends: readonly LogAppend[],
    signal: AbortSignal,
  ) => Promise<readonly LogAppendResult[]>;
}

/** Uploads the logs of all steps: one request at a time, each carrying what every step has ready. */
export class LogShipper {
  private readonly streams = new Set<LogStream>();
  private readonly closing = new AbortController();
  private readonly idleWaiters: (() => void)[] = [];
  private timer: NodeJS.Timeout | null = null;
  private sending = false;

  private readonly faults: FaultLog;

  constructor(private readonly options: LogShipperOptions) {
    this.faults = new FaultLog(options.logger);
  }

  open(key: LogKey): LogStream {
    const stream = new LogStream(key, (changed) => this.changed(changed));
    this.streams.add(stream);
    return stream;
  }

  /** Resolves when every open log is complete on the server or given up. */
  async idle(): Promise<void> {
    if (this.streams.size === 0) return;
    await new Promise<void>((resolve) => this.idleWaiters.push(resolve));
  }

  close(): void {
    this.closing.abort();
    if (this.timer !== null) clearTimeout(this.timer);
    for (const stream of this.streams) stream.abandon();
  }

  private changed(stream: LogStream): void {
    if (stream.settled) this.remove(stream);
    if (this.sending || this.closing.signal.aborted) return;
    if (stream.pendingBytes >= FULL_BYTES) void this.send();
    else if (stream.pendingBytes > 0)
      this.timer ??= setTimeout(() => void this.send(), this.options.timing.logFlushMs);
  }

  private remove(stream: LogStream): void {
    this.streams.delete(stream);
    if (this.streams.size === 0) for (const resolve of this.idleWaiters.splice(0)) resolve();
  }

  private async send(): Promise<void> {
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
    this.sending = true;
    const { signal } = this.closing;
    const backoff = new Backoff(this.options.timing.retryMinMs, this.options.timing.retryMaxMs);
    for (let batch = this.nextBatch(); batch.size > 0 && !signal.aborted; batch = this.nextBatch()) {
      const appends = [...batch.values()].map(({ append }) => append);
      try {
        const results = await this.options.append(appends, signal);
        backoff.reset();
        this.faults.succeeded();
        for (const { stream, append } of batch.values()) this.settle(stream, append, results);
      } catch (error) {
        this.faults.failed(error);
        for (const { stream } of batch.values()) {
          if (isProtocolError(error, "REFUSED")) this.giveUp(stream, (error as Error).message);
          else stream.resend();
        }
        await pause(backoff.next(), signal);
      }
    }
    this.sending = false;
    for (const stream of this.streams) this.changed(stream);
  }

  /** Takes a share of every log in turn; whoever came first goes to the end of the line. */
  private nextBatch(): Map<LogStream, { stream: LogStream; append: LogAppend }> {
    const budget = { bytes: MAX_REQUEST_BYTES, jsonBytes: MAX_REQUEST_JSON_BYTES };
    const batch = new Map<LogStream, { stream: LogStream; append: LogAppend }>();
    for (const stream of [...this.streams]) {
      if (batch.size === MAX_REQUEST_STREAMS) break;
      const share = { bytes: Math.min(budget.bytes, FULL_BYTES), jsonBytes: budget.jsonBytes };
      const room = { ...share };
      const [first, ...rest] = stream.take(room);
      if (!first) continue;
      budget.bytes -= share.bytes - room.bytes;
      budget.jsonBytes -= share.jsonBytes - room.jsonBytes;
      const data = rest.reduce((text, chunk) => text + chunk.text, first.text);
      batch.set(stream, { stream, append: { ...stream.key, offset: first.offset, data } });
      this.streams.delete(stream);
      this.streams.add(stream);
    }
    return batch;
  }

  private settle(stream: LogStream, append: LogAppend, results: readonly LogAppendResult[]): void {
    const key = logKeyOf(stream.key);
    const answer = results.find((candidate) => logKeyOf(candidate) === key);
    if (answer?.result === "SEALED" || answer?.result === "STALE") {
      this.options.logger.debug(`the log of ${key} is ${answer.result} on the server; uploading ends`);
      stream.abandon();
      return;
    }
    // Refused at the very place where the server says it stands: sending the same again would never end.
    const stuck = answer?.result === "MISMATCH" && answer.offset === append.offset;
    if (answer === undefined || stuck || !stream.continueAt(answer.offset)) {
      const place = answer === undefined ? "gives no answer for it" : `stands at byte ${answer.offset}`;
      this.giveUp(stream, `the server ${place}, sent was byte ${append.offset} of ${stream.length}`);
      return;
    }
    if (stream.settled) this.remove(stream);
  }

  private giveUp(stream: LogStream, cause: string): void {
    this.options.logger.error(`the log of ${logKeyOf(stream.key)} stays incomplete: ${cause}`);
    stream.abandon();
  }
}
