import type { StopRequest } from "../stop-request.ts";
import { pause } from "../waiting.ts";
import type { TestReporter } from "./test-reporter.ts";

const POLL_MS = 1_000;

/**
 * While one command executes all tests it cannot be told to stop a few of them: it is stopped when all are to be.
 * Rejects with whatever a call rejects with, after it ordered the command to die; not when a stop has ended that call.
 * @param ended aborted when the command has ended
 */
export async function watchAborts(
  reporter: TestReporter,
  running: readonly string[],
  stop: StopRequest,
  ended: AbortSignal,
): Promise<void> {
  try {
    for (;;) {
      await pause(POLL_MS, ended);
      if (ended.aborted || stop.mode !== null) return;
      const { aborts } = await reporter.send({ running });
      if (aborts.length === running.length) stop.order("GRACEFUL");
    }
  } catch (error) {
    if (stop.mode !== null) return;
    stop.order("FORCE");
    throw error;
  }
}
