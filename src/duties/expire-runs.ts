import { expiredRuns } from "../persistence/due-store.ts";
import type { Duty } from "./duty.ts";
import { forEachRun } from "./for-each-run.ts";

/** Far more than can fail at once: those that fail come first again. */
const BATCH = 1_000;

/** Ends runs whose timeout is over, the way a cancel would. */
export const expireRuns: Duty = {
  name: "expire-runs",
  everyMs: 1_000,
  async run(engine, signal) {
    const runs = await expiredRuns(engine.database, engine.clock.now(), BATCH);
    await forEachRun(engine, runs, () => [{ kind: "EXPIRE_RUN" }], signal);
    return runs.length === BATCH ? 0 : undefined;
  },
};
