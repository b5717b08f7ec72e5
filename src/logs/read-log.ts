import { buffer } from "node:stream/consumers";
import {
  type ChunkRecord,
  type LogKey,
  logChunks,
  logStretch,
  offsetOfLine,
  type StoredLog,
} from "../persistence/queries/logs.ts";
import type { Queryable } from "../persistence/queries/queryable.ts";
import type { BlobStore } from "../storage/blob-store.ts";
import { type LogLine, parseRecord } from "./records.ts";

/** Where the bytes of logs are. */
export interface LogSources {
  readonly database: Queryable;
  readonly blobs: BlobStore;
}

/** About half a MiB at a time: chunks have at most 128 KiB or so, places in a blob are 64 KiB apart. */
const PAGE_CHUNKS = 8;

/**
 * The next stored bytes of a log, as pieces of whole records: the first one holds the byte at `offset`. Empty when
 * the log ends there, or is dropped. A log may move from its chunks to a blob at any time; both are one commit, so
 * what is not found in the one place is in the other.
 */
export async function readChunks(
  { database, blobs }: LogSources,
  log: Pick<StoredLog, keyof LogKey | "blobKey">,
  offset: number,
): Promise<ChunkRecord[]> {
  if (log.blobKey === null) {
    const chunks = await logChunks(database, log, offset, PAGE_CHUNKS);
    if (chunks.some((chunk) => chunk.byteOffset + chunk.data.length > offset)) return chunks;
  }
  const stretch = await logStretch(database, log, offset, PAGE_CHUNKS);
  if (stretch === null) return [];
  const { blobKey, byteOffset, lineOffset, end } = stretch;
  const content = await blobs.get(blobKey, { start: byteOffset, end });
  if (content !== null) return [{ byteOffset, lineOffset, data: await buffer(content) }];
  // Dropped since, or lost: only the first is nothing to worry about.
  if ((await logStretch(database, log, offset, PAGE_CHUNKS)) === null) return [];
  throw new Error(`the file ${blobKey} of a log is missing`);
}

/** The bytes of a log from `start` up to `end`, as they are stored. */
export async function* readBytes(
  sources: LogSources,
  log: StoredLog,
  { start, end }: { readonly start: number; readonly end: number },
): AsyncGenerator<Buffer, void, void> {
  for (let offset = start; offset < end; ) {
    const chunks = await readChunks(sources, log, offset);
    if (chunks.length === 0) throw new LogGoneError("the log was dropped while it was read");
    for (const { byteOffset, data } of chunks) {
      const piece = data.subarray(Math.max(offset - byteOffset, 0), Math.max(end - byteOffset, 0));
      if (piece.length > 0) yield piece;
      offset = Math.max(offset, Math.min(byteOffset + data.length, end));
    }
  }
}

/** The bytes that somebody reads were given up meanwhile. */
export class LogGoneError extends Error {}

/** The lines of pieces from a byte on at which a record begins, and where they end. */
export function readLines(
  chunks: readonly ChunkRecord[],
  offset: number,
  grep: string | null,
): { lines: LogLine[]; offset: number } {
  const lines: LogLine[] = [];
  let end = offset;
  for (const { byteOffset, lineOffset, data } of chunks) {
    const skipped = Math.max(end - byteOffset, 0);
    if (skipped >= data.length && data.length > 0) continue;
    const before = data.subarray(0, skipped).toString("utf8").split("\n").length - 1;
    const records = data.subarray(skipped).toString("utf8").split("\n");
    records.pop();
    records.forEach((record, i) => {
      const line = parseRecord(record, lineOffset + before + i + 1);
      if (grep === null || line.text.includes(grep)) lines.push(line);
    });
    end = byteOffset + data.length;
  }
  return { lines, offset: end };
}

/** Up to `count` lines of a log from the line with this number on. */
export async function readLogLines(
  sources: LogSources,
  log: StoredLog,
  fromLine: number,
  count: number,
): Promise<LogLine[]> {
  const found: LogLine[] = [];
  if (log.dropped || fromLine > log.lineCount) return found;
  let offset = await offsetOfLine(sources.database, log, fromLine - 1);
  while (offset < log.length && found.length < count) {
    const read = readLines(await readChunks(sources, log, offset), offset, null);
    if (read.offset === offset) break;
    found.push(...read.lines.filter(({ number }) => number >= fromLine));
    offset = read.offset;
  }
  return found.slice(0, count);
}

export type StoredPiece =
  | { readonly kind: "LINES"; readonly lines: readonly LogLine[]; readonly offset: number }
  /** Bytes that were given up. */
  | { readonly kind: "GAP"; readonly fromOffset: number; readonly offset: number };

/**
 * What is stored of a log from a position on, up to where the head says that it ends; pages without a line that fits
 * are among it. A head may be older than the log: it ends where an append ended.
 */
export async function* storedPieces(
  sources: LogSources,
  grep: string | null,
  head: StoredLog | null,
  from: number,
): AsyncGenerator<StoredPiece, void, void> {
  for (let offset = from; head !== null && offset < head.length; ) {
    if (head.dropped) {
      yield { kind: "GAP", fromOffset: offset, offset: head.length };
      return;
    }
    const { length } = head;
    const chunks = await readChunks(sources, head, offset);
    const read = readLines(
      chunks.filter(({ byteOffset }) => byteOffset < length),
      offset,
      grep,
    );
    // It was dropped just now, which the next look shows.
    if (read.offset === offset) return;
    offset = read.offset;
    yield { kind: "LINES", ...read };
  }
}
