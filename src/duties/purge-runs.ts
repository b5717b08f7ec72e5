import { purgeRun, runsToPurge } from "../persistence/deletion-store.ts";
import type { Duty } from "./duty.ts";

/** Few, so that a stop is not held up; there are more turns. */
const BATCH = 50;

/** Removes the rows of deleted runs of which nothing is left to be stopped. */
export const purgeRuns: Duty = {
  name: "purge-runs",
  everyMs: 10_000,
  async run({ database }, signal) {
    const runs = await runsToPurge(database, BATCH);
    for (const runId of runs) {
      if (signal?.aborted) break;
      await purgeRun(database, runId);
    }
    return runs.length === BATCH ? 0 : undefined;
  },
};
