import { applySignal } from "../actions/child-runs.ts";
import { noticeKeys } from "../domain/bus.ts";
import { DatabaseAwayError } from "../domain/refusals.ts";
import { pendingSignals, postponeSignal } from "../persistence/signal-store.ts";
import type { Duty } from "./duty.ts";

const BATCH = 500;
/** What cannot be applied must not stand before the rest for ever. */
const TRY_AGAIN_MS = 30_000;

/** Applies what runs have to tell each other: makes the runs that steps wait for, and tells steps how these ended. */
export const applySignals: Duty = {
  name: "apply-signals",
  everyMs: 1_000,
  wakeOn: noticeKeys.signal(),
  async run(engine, signal) {
    const errors: unknown[] = [];
    for (const pending of await pendingSignals(engine.database, engine.clock.now(), BATCH)) {
      if (signal?.aborted) break;
      try {
        await applySignal(engine, pending);
      } catch (error) {
        if (error instanceof DatabaseAwayError) throw error;
        await postponeSignal(
          engine.database,
          pending.id,
          new Date(engine.clock.now().getTime() + TRY_AGAIN_MS),
        );
        errors.push(new Error(`signal ${pending.id} could not be applied`, { cause: error }));
      }
    }
    if (errors.length > 0) throw new AggregateError(errors, `${errors.length} signals could not be applied`);
    return undefined;
  },
};
