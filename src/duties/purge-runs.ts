import { DatabaseAwayError } from "../domain/refusals.ts";
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
    const errors: unknown[] = [];
    for (const runId of runs) {
      if (signal?.aborted) break;
      try {
        await purgeRun(database, runId);
      } catch (error) {
        if (error instanceof DatabaseAwayError) throw error;
        errors.push(new Error(`run ${runId} could not be purged`, { cause: error }));
      }
    }
    if (errors.length > 0) throw new AggregateError(errors, `${errors.length} runs could not be purged`);
    return runs.length === BATCH ? 0 : undefined;
  },
};
