import { dropLogs, runsWithOldLogs } from "../persistence/log-compaction.ts";
import type { Duty } from "./duty.ts";

const BATCH = 100;

/** Gives up the logs of runs that ended longer ago than logs are kept. */
export function expireLogs(keepMs: number): Duty {
  return {
    name: "expire-logs",
    everyMs: 10 * 60 * 1_000,
    async run({ database, clock }, signal) {
      const runs = await runsWithOldLogs(database, new Date(clock.now().getTime() - keepMs), BATCH);
      for (const runId of runs) {
        if (signal?.aborted) break;
        await database.transaction(async (transaction) => await dropLogs(transaction, runId));
      }
      return runs.length === BATCH ? 0 : undefined;
    },
  };
}
