import type { BlobStore } from "../storage/blob-store.ts";
import type { Duty } from "./duty.ts";

/** Longer than anybody writes at one blob. */
const UNFINISHED_AFTER_MS = 24 * 60 * 60 * 1_000;

/** Removes what a crash left of blobs that were being written. */
export function sweepUnfinishedBlobs(blobs: BlobStore): Duty {
  return {
    name: "sweep-unfinished-blobs",
    everyMs: 60 * 60 * 1_000,
    async run({ clock }) {
      await blobs.sweepUnfinished(new Date(clock.now().getTime() - UNFINISHED_AFTER_MS));
      return undefined;
    },
  };
}
