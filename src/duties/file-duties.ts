import { expireArtifacts } from "../persistence/artifact-store.ts";
import { dueBlobs, forgetBlobs } from "../persistence/blob-garbage-store.ts";
import type { BlobStore } from "../storage/blob-store.ts";
import type { Duty } from "./duty.ts";

export interface Files {
  readonly blobs: BlobStore;
  readonly artifactRetentionMs: number;
}

const BATCH = 500;
/** Longer than anybody writes at one blob. */
const UNFINISHED_AFTER_MS = 24 * 60 * 60 * 1_000;

/** What happens to files by itself. */
export function fileDuties(files: Files): readonly Duty[] {
  return [expireOldArtifacts(files), removeBlobs(files), sweepUnfinishedBlobs(files)];
}

/** Forgets artifacts whose time is over; their blobs become garbage with their rows. */
function expireOldArtifacts({ artifactRetentionMs }: Files): Duty {
  return {
    name: "expire-artifacts",
    everyMs: 10 * 60 * 1_000,
    async run({ database, clock }) {
      const before = new Date(clock.now().getTime() - artifactRetentionMs);
      return (await expireArtifacts(database, before, BATCH)) === BATCH ? 0 : undefined;
    },
  };
}

/** Removes blobs whose row is gone, or never came. Their keys are forgotten after them, so that none is left behind. */
function removeBlobs({ blobs }: Files): Duty {
  return {
    name: "remove-blobs",
    everyMs: 30_000,
    async run({ database, clock }) {
      const now = clock.now();
      const keys = await dueBlobs(database, now, BATCH);
      if (keys.length === 0) return undefined;
      await blobs.delete(keys);
      await forgetBlobs(database, keys, now);
      return keys.length === BATCH ? 0 : undefined;
    },
  };
}

function sweepUnfinishedBlobs({ blobs }: Files): Duty {
  return {
    name: "sweep-unfinished-blobs",
    everyMs: 60 * 60 * 1_000,
    async run({ clock }) {
      await blobs.sweepUnfinished(new Date(clock.now().getTime() - UNFINISHED_AFTER_MS));
      return undefined;
    },
  };
}
