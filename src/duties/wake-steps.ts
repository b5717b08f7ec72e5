import { groupBy } from "../domain/group-by.ts";
import { dueSteps, nextDueStep } from "../persistence/due-store.ts";
import type { Duty } from "./duty.ts";
import { forEachRun } from "./for-each-run.ts";

/** More than the steps of one run: those of one that fails come first again. */
const BATCH = 20_000;
const LONGEST_MS = 1_000;

/** Ends delays and backoffs that are over. */
export const wakeSteps: Duty = {
  name: "wake-steps",
  everyMs: LONGEST_MS,
  async run(engine, signal) {
    const { database, clock } = engine;
    const due = await dueSteps(database, clock.now(), BATCH);
    const byRun = groupBy(due, ({ runId }) => runId);
    await forEachRun(
      engine,
      byRun.keys(),
      ({ state }) => byRun.get(state.id)!.map(({ step }) => ({ kind: "WAKE_STEP", step })),
      signal,
    );
    if (due.length === BATCH) return 0;
    // A wait that is set meanwhile is found at the next look, so it is at most this late.
    const next = await nextDueStep(database);
    return next === null
      ? LONGEST_MS
      : Math.min(Math.max(next.getTime() - clock.now().getTime(), 0), LONGEST_MS);
  },
};
