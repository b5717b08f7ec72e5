import { noticeKeys } from "../domain/bus.ts";
import { isTerminal } from "../domain/statuses.ts";
import type { Engine } from "../orchestration/transition.ts";
import { findRuns } from "../persistence/queries/runs.ts";

/** A lost hint costs at most this. */
const LOOK_EVERY_MS = 1_000;

/** Waits until a run has ended or is gone, the time is over, or the caller hung up. Holds no connection meanwhile. */
export async function awaitRunEnd(
  { database, bus }: Engine,
  runId: string,
  waitMs: number,
  signal: AbortSignal,
): Promise<void> {
  const deadline = performance.now() + waitMs;
  const listener = bus.listen([noticeKeys.run(runId)]);
  try {
    for (;;) {
      const [run] = await findRuns(database, [runId]);
      const left = deadline - performance.now();
      if (run === undefined || isTerminal(run.status) || left <= 0 || signal.aborted) return;
      await listener.heard(Math.min(left, LOOK_EVERY_MS), signal);
    }
  } finally {
    listener.close();
  }
}
