import { expireArtifacts as expire } from "../persistence/artifact-store.ts";
import type { Duty } from "./duty.ts";

const BATCH = 500;

/** Forgets artifacts whose time is over; their blobs belong to nobody then, and are swept. */
export function expireArtifacts(retentionMs: number): Duty {
  return {
    name: "expire-artifacts",
    everyMs: 10 * 60 * 1_000,
    async run({ database, clock }) {
      const before = new Date(clock.now().getTime() - retentionMs);
      return (await expire(database, before, BATCH)) === BATCH ? 0 : undefined;
    },
  };
}
