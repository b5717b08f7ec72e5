import type { Readable } from "node:stream";

/** Bytes from `start` up to, and without, `end`. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/** A key is made by Runcast, never by a user: segments of `[A-Za-z0-9_-]`, parted by `/`. */
const KEY = /^[A-Za-z0-9_-]{1,100}(\/[A-Za-z0-9_-]{1,100}){0,7}$/;

/**
 * Where files are kept whose rows are in PostgreSQL: logs of ended attempts, uploads, artifacts. A blob is written
 * once and never changed. Its row is stored after it, so a blob without a row may be left behind by a crash and is
 * swept up, and a row without its blob never is.
 */
export interface BlobStore {
  /**
   * Keeps all of it, or nothing: when `content` or the store fails, or `signal` aborts, no blob is left.
   * @returns how many bytes there were
   */
  put(key: string, content: AsyncIterable<Uint8Array>, signal?: AbortSignal): Promise<number>;
  /** The blob, or a part of it, as a stream; null when there is none. */
  get(key: string, range?: ByteRange): Promise<Readable | null>;
  /** Removes blobs; those that are gone already are no error. */
  delete(keys: readonly string[]): Promise<void>;
  /** Removes what a process that died while it wrote has left, if that began before the moment. */
  sweepUnfinished(before: Date): Promise<void>;
}

export function checkBlobKey(key: string): void {
  if (!KEY.test(key)) throw new Error(`${JSON.stringify(key)} is no key of a blob`);
}
