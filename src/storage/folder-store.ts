import { randomUUID } from "node:crypto";
import { createWriteStream } from "node:fs";
import { mkdir, open, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { type BlobStore, type ByteRange, checkBlobKey } from "./blob-store.ts";

/** Parts of blobs that are still being written; what a crash leaves there belongs to nobody. */
const UNFINISHED = "unfinished";

/** Blobs as files below one folder: for one machine, or a file system that all replicas share. */
export class FolderStore implements BlobStore {
  readonly #root: string;

  constructor(root: string) {
    this.#root = root;
  }

  async put(key: string, content: AsyncIterable<Uint8Array>, signal?: AbortSignal): Promise<number> {
    const file = this.#fileOf(key);
    const part = join(this.#root, UNFINISHED, randomUUID());
    await mkdir(dirname(part), { recursive: true });
    await mkdir(dirname(file), { recursive: true });
    try {
      const target = createWriteStream(part, { flags: "wx", mode: 0o600, flush: true });
      await pipeline(content, target, { ...(signal && { signal }) });
      // Whoever sees the name sees the whole file.
      await rename(part, file);
      return target.bytesWritten;
    } catch (error) {
      await rm(part, { force: true });
      throw error;
    }
  }

  async get(key: string, range?: ByteRange): Promise<Readable | null> {
    const file = await open(this.#fileOf(key), "r").catch(nullIfMissing);
    if (file === null) return null;
    if (range === undefined) return file.createReadStream();
    if (range.end <= range.start) {
      await file.close();
      return Readable.from([]);
    }
    return file.createReadStream({ start: range.start, end: range.end - 1 });
  }

  async delete(keys: readonly string[]): Promise<void> {
    for (const key of keys) await rm(this.#fileOf(key), { force: true });
  }

  #fileOf(key: string): string {
    checkBlobKey(key);
    return join(this.#root, key);
  }
}

function nullIfMissing(error: NodeJS.ErrnoException): null {
  if (error.code === "ENOENT") return null;
  throw error;
}
