import { forgetChanges } from "../persistence/queries/run-changes.ts";
import type { Duty } from "./duty.ts";

/** How long a list that nobody watched can be gone on with. */
const REMEMBER_CHANGES_MS = 24 * 60 * 60 * 1_000;
/** Few enough that no statement takes long; there are more turns. */
const BATCH = 10_000;

/** Forgets what changed long ago: whoever asks for it is told to read the list anew. */
export const forgetOldChanges: Duty = {
  name: "forget-changes",
  everyMs: 60_000,
  async run({ database, clock }, signal) {
    const before = new Date(clock.now().getTime() - REMEMBER_CHANGES_MS);
    for (let gone = BATCH; gone >= BATCH && signal?.aborted !== true; )
      gone = await forgetChanges(database, before, BATCH);
    return undefined;
  },
};
