import { ensurePartitions } from "../persistence/due-store.ts";
import { PARTITION_MONTHS_AHEAD } from "../persistence/migrate.ts";
import type { Duty } from "./duty.ts";

/** Keeps partitions of events, attempts and logs ahead of the calendar. Rows without one are kept in a default. */
export const makePartitions: Duty = {
  name: "make-partitions",
  everyMs: 6 * 60 * 60 * 1_000,
  async run({ database, clock }) {
    await ensurePartitions(database, clock.now(), PARTITION_MONTHS_AHEAD);
    return undefined;
  },
};
