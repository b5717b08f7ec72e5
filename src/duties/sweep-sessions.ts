import { groupBy } from "../domain/group-by.ts";
import { advance } from "../orchestration/transition.ts";
import { markDeadSessions, orphanedSteps } from "../persistence/runner-store.ts";
import type { Duty } from "./duty.ts";

const BATCH = 1_000;

/**
 * Takes the steps of runners that fell silent back. The sessions are marked dead and that is committed first: from
 * then on no claim can succeed for them, so nothing is added to what is being taken away.
 */
export const sweepSessions: Duty = {
  name: "sweep-sessions",
  everyMs: 5_000,
  async run(engine) {
    await markDeadSessions(engine.database, engine.clock.now());
    const orphans = await orphanedSteps(engine.database, BATCH);
    if (orphans.length === 0) return undefined;
    const byRun = groupBy(orphans, ({ runId }) => runId);
    await advance(engine, [...byRun.keys()], ({ state }) =>
      byRun.get(state.id)!.map(({ step, fence }) => ({ kind: "LOSE_LEASE", step, fence })),
    );
    return orphans.length === BATCH ? 0 : undefined;
  },
};
