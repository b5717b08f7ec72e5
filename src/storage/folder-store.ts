import { randomUUID } from "node:crypto";
import { createWriteStream } from "node:fs";
import { mkdir, open, readdir, rename, rm, rmdir, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { type BlobStore, type ByteRange, checkBlobKey } from "./blob-store.ts";

/** Parts of blobs that are still being written; what a crash leaves there belongs to nobody. */
const UNFINISHED = "unfinished";
const MAX_RENAMES = 5;

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
    try {
      const target = createWriteStream(part, { flags: "wx", mode: 0o600, flush: true });
      await pipeline(content, target, { ...(signal && { signal }) });
      // Whoever sees the name sees the whole file.
      await moveInto(part, file);
      await this.#flushFoldersOf(file);
      return target.bytesWritten;
    } catch (error) {
      await rm(part, { force: true });
      throw error;
    }
  }

  async get(key: string, range?: ByteRange): Promise<Readable | null> {
    const file = await open(this.#fileOf(key), "r").catch(unlessMissing);
    if (file === null) return null;
    if (range === undefined) return file.createReadStream();
    if (range.end <= range.start) {
      await file.close();
      return Readable.from([]);
    }
    return file.createReadStream({ start: range.start, end: range.end - 1 });
  }

  async delete(keys: readonly string[]): Promise<void> {
    for (const key of keys) {
      const file = this.#fileOf(key);
      await rm(file, { force: true });
      await this.#removeEmptyFoldersOf(file);
    }
  }

  async sweepUnfinished(before: Date): Promise<void> {
    const folder = join(this.#root, UNFINISHED);
    for (const name of (await readdir(folder).catch(unlessMissing)) ?? []) {
      const part = join(folder, name);
      const { mtime } = (await stat(part).catch(unlessMissing)) ?? {};
      if (mtime !== undefined && mtime < before) await rm(part, { force: true });
    }
  }

  #fileOf(key: string): string {
    checkBlobKey(key);
    return join(this.#root, key);
  }

  /** A name that only the memory of the machine has is gone when its power is: the row of the blob would not be. */
  async #flushFoldersOf(file: string): Promise<void> {
    for (const folder of this.#foldersOf(file)) {
      const handle = await open(folder, "r").catch(unlessMissing);
      if (handle === null) continue;
      await handle.sync().finally(async () => await handle.close());
    }
  }

  async #removeEmptyFoldersOf(file: string): Promise<void> {
    for (const folder of this.#foldersOf(file)) {
      const removed = folder !== this.#root && (await rmdir(folder).then(isDone, isNotDone));
      if (!removed) return;
    }
  }

  /** From the innermost to the root. */
  #foldersOf(file: string): string[] {
    const folders: string[] = [];
    for (let folder = dirname(file); folder.startsWith(this.#root); folder = dirname(folder)) {
      folders.push(folder);
    }
    return folders;
  }
}

/** The folder may be removed for being empty just before the file gets there. */
async function moveInto(part: string, file: string): Promise<void> {
  for (let tries = 1; ; tries++) {
    await mkdir(dirname(file), { recursive: true });
    try {
      return await rename(part, file);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT" || tries === MAX_RENAMES) throw error;
    }
  }
}

const isDone = () => true;
/** Another blob lies in it, or somebody else was first. */
const isNotDone = () => false;

function unlessMissing(error: NodeJS.ErrnoException): null {
  if (error.code === "ENOENT") return null;
  throw error;
}
