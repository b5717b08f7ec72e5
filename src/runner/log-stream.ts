import { crc32 } from "node:zlib";
import type { LogKey } from "./protocol.ts";

/** Above this many bytes that the server has not taken, the step's output is not read any more. */
const HIGH_WATER_BYTES = 4 * 1024 * 1024;
const LOW_WATER_BYTES = HIGH_WATER_BYTES / 2;
/** Small writes share a chunk up to this size; a chunk is the unit of sending and of going back. */
const CHUNK_BYTES = 24 * 1024;

export interface LogChunk {
  readonly offset: number;
  readonly bytes: number;
  /** Its size inside a JSON body, where control characters take six bytes each. */
  readonly jsonBytes: number;
  readonly text: string;
}

/** One log of an attempt on its way to the server: counts all of it, keeps what the server has not confirmed. */
export class LogStream {
  /** Bytes written so far. */
  length = 0;
  private crc = 0;
  private chunks: LogChunk[] = [];
  /** First chunk that has not been sent since the last answer. */
  private unsent = 0;
  /** Server's end of the log; everything before is safe. */
  private confirmed = 0;
  private abandoned = false;
  private finished = false;
  private settledWaiters: (() => void)[] = [];
  private relief: { readonly promise: Promise<void>; readonly resolve: () => void } | null = null;

  constructor(
    readonly key: LogKey,
    private readonly onChange: (stream: LogStream) => void,
  ) {}

  get crcHex(): string {
    return this.crc.toString(16).padStart(8, "0");
  }

  get pendingBytes(): number {
    return this.abandoned ? 0 : this.length - this.confirmed;
  }

  /** Nothing is left to do: the server has all of it, or wants no more. */
  get settled(): boolean {
    return this.abandoned || (this.finished && this.pendingBytes === 0);
  }

  async whenSettled(): Promise<void> {
    if (!this.settled) await new Promise<void>((resolve) => this.settledWaiters.push(resolve));
  }

  /** Takes whole records. */
  append(records: string): void {
    const bytes = Buffer.byteLength(records);
    const offset = this.length;
    this.length += bytes;
    this.crc = crc32(records, this.crc);
    if (this.abandoned) return;
    const jsonBytes = Buffer.byteLength(JSON.stringify(records));
    const last = this.chunks.at(-1);
    if (last && this.unsent < this.chunks.length && last.bytes + bytes <= CHUNK_BYTES) {
      this.chunks[this.chunks.length - 1] = {
        offset: last.offset,
        bytes: last.bytes + bytes,
        jsonBytes: last.jsonBytes + jsonBytes,
        text: last.text + records,
      };
    } else {
      this.chunks.push({ offset, bytes, jsonBytes, text: records });
    }
    this.onChange(this);
  }

  /** Null when more output can be taken, else a promise of that. */
  backpressure(): Promise<void> | null {
    if (this.pendingBytes < HIGH_WATER_BYTES) return null;
    if (this.relief === null) {
      let resolve = () => {};
      const promise = new Promise<void>((done) => {
        resolve = done;
      });
      this.relief = { promise, resolve };
    }
    return this.relief.promise;
  }

  /** No more will be appended. */
  finish(): void {
    this.finished = true;
    this.tellSettled();
    this.onChange(this);
  }

  /** The server wants no more of this log; it is still counted. */
  abandon(): void {
    this.abandoned = true;
    this.chunks = [];
    this.unsent = 0;
    this.relieve();
    this.tellSettled();
    this.onChange(this);
  }

  /** The chunks to send next, within both budgets; they count as sent until confirmUpTo or resend. */
  take(budget: { bytes: number; jsonBytes: number }): LogChunk[] {
    const taken: LogChunk[] = [];
    for (let chunk = this.chunks[this.unsent]; chunk; chunk = this.chunks[this.unsent]) {
      if (chunk.bytes > budget.bytes || chunk.jsonBytes > budget.jsonBytes) break;
      budget.bytes -= chunk.bytes;
      budget.jsonBytes -= chunk.jsonBytes;
      taken.push(chunk);
      this.unsent++;
    }
    return taken;
  }

  /** Everything not confirmed is to be sent again. */
  resend(): void {
    this.unsent = 0;
  }

  /**
   * Goes on at the server's end of the log, forwards or back. Answers false when that is impossible: those bytes
   * are not kept any more, or never were written.
   */
  continueAt(offset: number): boolean {
    if (offset < this.confirmed || offset > this.length) return false;
    const first = this.chunks.findIndex((chunk) => chunk.offset + chunk.bytes > offset);
    const chunks = first === -1 ? [] : this.chunks.slice(first);
    const head = chunks[0];
    if (head && head.offset < offset) {
      const text = Buffer.from(head.text)
        .subarray(offset - head.offset)
        .toString("utf8");
      const bytes = Buffer.byteLength(text);
      if (bytes !== head.bytes - (offset - head.offset)) return false;
      chunks[0] = { offset, bytes, jsonBytes: Buffer.byteLength(JSON.stringify(text)), text };
    }
    this.chunks = chunks;
    this.unsent = 0;
    this.confirmed = offset;
    if (this.pendingBytes <= LOW_WATER_BYTES) this.relieve();
    this.tellSettled();
    return true;
  }

  private tellSettled(): void {
    if (this.settled) for (const resolve of this.settledWaiters.splice(0)) resolve();
  }

  private relieve(): void {
    this.relief?.resolve();
    this.relief = null;
  }
}
