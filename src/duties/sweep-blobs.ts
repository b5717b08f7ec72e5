import { forgetUnfinishedUploads } from "../persistence/log-file-store.ts";
import { claimBlobs, orphanedBlobs } from "../persistence/orphan-blobs.ts";
import type { BlobStore } from "../storage/blob-store.ts";
import type { Duty } from "./duty.ts";

const BATCH = 500;
/** For so long an upload that was cut off can be gone on with. */
export const KEEP_UNFINISHED_MS = 60 * 60 * 1_000;

/** Deletes blobs that belong to nobody. */
export function sweepBlobs(blobs: BlobStore): Duty {
  return {
    name: "sweep-blobs",
    everyMs: 60_000,
    async run({ database, clock }) {
      const now = clock.now();
      await forgetUnfinishedUploads(database, new Date(now.getTime() - KEEP_UNFINISHED_MS));
      const keys = await orphanedBlobs(database, now, BATCH);
      await blobs.delete(keys);
      if (keys.length > 0) await claimBlobs(database, keys);
      return keys.length === BATCH ? 0 : undefined;
    },
  };
}
