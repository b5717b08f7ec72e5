import { DatabaseAwayError } from "../domain/refusals.ts";
import { compactLog, PLACE_BYTES } from "../logs/compact.ts";
import { finishedLogs, settleLogs } from "../persistence/log-compaction.ts";
import type { BlobStore } from "../storage/blob-store.ts";
import type { Duty } from "./duty.ts";

const BATCH = 1_000;

/** Moves complete logs out of the database. A small one stays: a file for each would cost more than it saves. */
export function compactLogs(blobs: BlobStore): Duty {
  return {
    name: "compact-logs",
    everyMs: 10_000,
    async run({ database, clock }, signal) {
      const logs = await finishedLogs(database, BATCH);
      const small = logs.filter(({ length }) => length < PLACE_BYTES);
      if (small.length > 0) await settleLogs(database, small);
      const errors: unknown[] = [];
      for (const log of logs.filter(({ length }) => length >= PLACE_BYTES)) {
        if (signal?.aborted) break;
        try {
          await compactLog({ database, clock, blobs }, log, signal);
        } catch (error) {
          if (error instanceof DatabaseAwayError) throw error;
          errors.push(new Error(`a log of run ${log.runId} could not be moved`, { cause: error }));
        }
      }
      if (errors.length > 0) throw new AggregateError(errors, `${errors.length} logs could not be moved`);
      return logs.length === BATCH ? 0 : undefined;
    },
  };
}
