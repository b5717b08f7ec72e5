import type { RunnerLogger } from "./logger.ts";
import { isProtocolError } from "./protocol-error.ts";

/**
 * Tells once of each series of failures of one kind of request. What concerns the whole server (see OutageLog) or
 * the session is told elsewhere.
 */
export class FaultLog {
  private told = false;

  constructor(private readonly logger: RunnerLogger) {}

  failed(error: unknown): void {
    if (this.told || isProtocolError(error, "UNREACHABLE", "UNAUTHORIZED", "SESSION_LOST", "ABORTED")) return;
    this.told = true;
    this.logger.error(`${(error as Error).message}; trying again`);
  }

  succeeded(): void {
    this.told = false;
  }
}
