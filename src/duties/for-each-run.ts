import type { RunCommand } from "../domain/commands.ts";
import { DatabaseAwayError } from "../domain/refusals.ts";
import { advance, type Engine } from "../orchestration/transition.ts";
import type { LockedRun } from "../persistence/run-store.ts";

/**
 * Advances each run in a transaction of its own, so that one that fails holds up no other.
 * @param signal aborted to stop before the next run
 * @throws AggregateError at the end, with what went wrong for each run that failed
 */
export async function forEachRun(
  engine: Engine,
  runIds: Iterable<string>,
  commandsFor: (run: LockedRun) => readonly RunCommand[],
  signal?: AbortSignal,
): Promise<void> {
  const errors: unknown[] = [];
  for (const runId of runIds) {
    if (signal?.aborted) break;
    try {
      await advance(engine, [runId], commandsFor);
    } catch (error) {
      // Every other run would only fail alike.
      if (error instanceof DatabaseAwayError) throw error;
      errors.push(new Error(`run ${runId} could not be advanced`, { cause: error }));
    }
  }
  if (errors.length > 0) throw new AggregateError(errors, `${errors.length} runs could not be advanced`);
}
