import { advance } from "../orchestration/transition.ts";
import { expiredRuns } from "../persistence/due-store.ts";
import type { Duty } from "./duty.ts";

const BATCH = 50;

/** Ends runs whose timeout is over, the way a cancel would. */
export const expireRuns: Duty = {
  name: "expire-runs",
  everyMs: 1_000,
  async run(engine) {
    const runs = await expiredRuns(engine.database, engine.clock.now(), BATCH);
    if (runs.length > 0) await advance(engine, runs, () => [{ kind: "EXPIRE_RUN" }]);
    return runs.length === BATCH ? 0 : undefined;
  },
};
