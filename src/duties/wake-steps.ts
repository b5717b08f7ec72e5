import { groupBy } from "../domain/group-by.ts";
import { advance } from "../orchestration/transition.ts";
import { dueSteps, nextDueStep } from "../persistence/due-store.ts";
import type { Duty } from "./duty.ts";

const BATCH = 500;
const LONGEST_MS = 1_000;

/** Ends delays and backoffs that are over. */
export const wakeSteps: Duty = {
  name: "wake-steps",
  everyMs: LONGEST_MS,
  async run(engine) {
    const { database, clock } = engine;
    const due = await dueSteps(database, clock.now(), BATCH);
    if (due.length > 0) {
      const byRun = groupBy(due, ({ runId }) => runId);
      await advance(engine, [...byRun.keys()], ({ state }) =>
        byRun.get(state.id)!.map(({ step }) => ({ kind: "WAKE_STEP", step })),
      );
    }
    if (due.length === BATCH) return 0;
    // A wait that is set meanwhile is found at the next look, so it is at most this late.
    const next = await nextDueStep(database);
    return next === null
      ? LONGEST_MS
      : Math.min(Math.max(next.getTime() - clock.now().getTime(), 0), LONGEST_MS);
  },
};
