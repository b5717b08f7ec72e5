import { groupBy } from "../domain/group-by.ts";
import { forgetDeadSessions, markDeadSessions, orphanedSteps } from "../persistence/runner-store.ts";
import type { Duty } from "./duty.ts";
import { forEachRun } from "./for-each-run.ts";

/** More than the steps of one run: those of one that fails come again. */
const BATCH = 20_000;
/** So long an operator can still look at a session that is over. */
const FORGET_AFTER_MS = 24 * 60 * 60 * 1_000;
const FORGET_BATCH = 1_000;

/**
 * Takes the steps of runners that fell silent back. The sessions are marked dead and that is committed first: from
 * then on no claim can succeed for them, so nothing is added to what is being taken away.
 */
export const sweepSessions: Duty = {
  name: "sweep-sessions",
  everyMs: 5_000,
  async run(engine, signal) {
    const now = engine.clock.now();
    await markDeadSessions(engine.database, now);
    await forgetDeadSessions(engine.database, new Date(now.getTime() - FORGET_AFTER_MS), FORGET_BATCH);
    const orphans = await orphanedSteps(engine.database, BATCH);
    const byRun = groupBy(orphans, ({ runId }) => runId);
    await forEachRun(
      engine,
      byRun.keys(),
      ({ state }) => byRun.get(state.id)!.map(({ step, fence }) => ({ kind: "LOSE_LEASE", step, fence })),
      signal,
    );
    return orphans.length === BATCH ? 0 : undefined;
  },
};
