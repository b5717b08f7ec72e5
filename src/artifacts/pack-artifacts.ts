import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import { pack as createPack, type Pack } from "tar-stream";
import {
  type ArtifactPosition,
  type ArtifactScope,
  type ListedArtifact,
  listArtifacts,
} from "../persistence/queries/artifacts.ts";
import type { Queryable } from "../persistence/queries/queryable.ts";
import type { BlobStore } from "../storage/blob-store.ts";

const PAGE = 200;

/** A step's artifacts as a stream of a .tar.gz, made while it is read: none of them is ever whole in memory. */
export function packArtifacts(source: Queryable, blobs: BlobStore, scope: ArtifactScope): Readable {
  const pack = createPack();
  const packed = createGzip();
  // Either's fault is that of the whole, and so is its reader's going away.
  pipeline(pack, packed).catch(() => undefined);
  packAll(pack, source, blobs, scope).catch((error: Error) => packed.destroy(error));
  packed.once("close", () => pack.destroy());
  return packed;
}

async function packAll(pack: Pack, source: Queryable, blobs: BlobStore, scope: ArtifactScope): Promise<void> {
  let after: ArtifactPosition | null = null;
  for (;;) {
    const page: ListedArtifact[] = await listArtifacts(source, scope, after, PAGE);
    for (const artifact of page) await packOne(pack, blobs, artifact);
    after = page.at(-1) ?? null;
    if (page.length < PAGE) break;
  }
  pack.finalize();
}

async function packOne(
  pack: Pack,
  blobs: BlobStore,
  { path, sizeBytes, executable, createdAt, blobKey }: ListedArtifact,
): Promise<void> {
  const content = await blobs.get(blobKey);
  if (content === null) throw new Error(`the blob ${blobKey} of an artifact is missing`);
  const mode = executable ? 0o755 : 0o644;
  const entry = pack.entry({ name: path, size: sizeBytes, mode, mtime: createdAt });
  await pipeline(content, entry);
}
