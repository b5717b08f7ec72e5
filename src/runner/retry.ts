import { FaultLog } from "./fault-log.ts";
import type { RunnerLogger } from "./logger.ts";
import { isProtocolError, ProtocolError, type ProtocolErrorKind } from "./protocol-error.ts";
import type { RunnerTiming } from "./timing.ts";
import { Backoff, pause } from "./waiting.ts";

export interface RetryOptions {
  readonly timing: Pick<RunnerTiming, "retryMinMs" | "retryMaxMs">;
  readonly logger: RunnerLogger;
  readonly signal: AbortSignal;
  /** Not tried again either. */
  readonly giveUpOn?: ProtocolErrorKind;
}

/**
 * Repeats the request until the server answers it. Rejects with SESSION_LOST, REFUSED, or ABORTED once the
 * signal aborts; everything else is tried again.
 */
export async function untilAnswered<T>(request: () => Promise<T>, options: RetryOptions): Promise<T> {
  const backoff = new Backoff(options.timing.retryMinMs, options.timing.retryMaxMs);
  const faults = new FaultLog(options.logger);
  for (;;) {
    if (options.signal.aborted) throw new ProtocolError("ABORTED", "given up");
    try {
      return await request();
    } catch (error) {
      if (!isProtocolError(error, "UNREACHABLE", "UNAUTHORIZED", "FAULT")) throw error;
      if (error.kind === options.giveUpOn) throw error;
      faults.failed(error);
      await pause(backoff.next(), options.signal);
    }
  }
}
