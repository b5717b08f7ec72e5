import { countOtherApiProcesses } from "../persistence/queries/api-processes.ts";
import type { Duty } from "./duty.ts";

const LOOK_EVERY_MS = 30_000;
const WARN_EVERY_MS = 10 * 60 * 1_000;

/** Warns an operator who runs several API processes on one database and gave them no bus to hear each other. */
export function warnOfPeers(): Duty {
  let warnedAt = Number.NEGATIVE_INFINITY;
  return {
    name: "warn-of-peers",
    everyMs: LOOK_EVERY_MS,
    async run({ database, clock }, _signal, logger) {
      const now = clock.now().getTime();
      if (now - warnedAt < WARN_EVERY_MS) return undefined;
      const others = await countOtherApiProcesses(database);
      if (others === 0) return undefined;
      warnedAt = now;
      logger?.warn(
        { others },
        "other processes serve this database, and REDIS_URL is not set: what one does, those who watch through another see up to 1 s later",
      );
      return undefined;
    },
  };
}
