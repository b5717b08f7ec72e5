import { randomUUID } from "node:crypto";
import type { Clock } from "../domain/clock.ts";
import type { Database } from "../persistence/database.ts";
import { type FinishedLog, moveLog } from "../persistence/log-compaction.ts";
import { noteBlob } from "../persistence/orphan-blobs.ts";
import { type ChunkRecord, logChunks } from "../persistence/queries/logs.ts";
import type { BlobStore } from "../storage/blob-store.ts";

interface Compacting {
  readonly database: Database;
  readonly clock: Clock;
  readonly blobs: BlobStore;
}

/** Readers can begin at places that are about so far apart. */
export const PLACE_BYTES = 64 * 1024;
const READ_CHUNKS = 16;

/**
 * Copies a complete log to a blob, then has its readers turn there and deletes its chunks, in one commit. A crash
 * before that leaves a blob that is noted to belong to nobody; the log is copied again.
 */
export async function compactLog(
  { database, clock, blobs }: Compacting,
  log: FinishedLog,
  signal?: AbortSignal,
): Promise<void> {
  const key = `runs/${log.runId}/logs/${randomUUID()}`;
  await noteBlob(database, key, clock.now());
  const places = { bytes: [] as number[], lines: [] as number[] };
  const content = withPlaces(chunksOf(database, log), places);
  const copied = await blobs.put(key, content, signal);
  // Somebody else was faster, or it is gone.
  if (copied !== log.length) return;
  await database.transaction(async (transaction) => await moveLog(transaction, log, key, places));
}

async function* chunksOf(database: Database, log: FinishedLog): AsyncGenerator<ChunkRecord, void, void> {
  for (let offset = 0; offset < log.length; ) {
    const chunks = await logChunks(database, log, offset, READ_CHUNKS);
    if (chunks.length === 0) return;
    yield* chunks;
    const last = chunks.at(-1)!;
    offset = last.byteOffset + last.data.length;
  }
}

async function* withPlaces(
  chunks: AsyncIterable<ChunkRecord>,
  places: { bytes: number[]; lines: number[] },
): AsyncGenerator<Buffer, void, void> {
  for await (const { byteOffset, lineOffset, data } of chunks) {
    const last = places.bytes.at(-1);
    if (last === undefined || byteOffset - last >= PLACE_BYTES) {
      places.bytes.push(byteOffset);
      places.lines.push(lineOffset);
    }
    yield data;
  }
}
