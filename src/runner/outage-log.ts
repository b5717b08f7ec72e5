import type { RunnerLogger } from "./logger.ts";
import type { ProtocolError } from "./protocol-error.ts";
import { monotonicMs } from "./waiting.ts";

/** Turns the many failing requests of one outage into one line at its start and one at its end. */
export class OutageLog {
  private current: { readonly kind: ProtocolError["kind"]; readonly since: number } | null = null;

  constructor(
    private readonly url: string,
    private readonly logger: RunnerLogger,
  ) {}

  failed(error: ProtocolError): void {
    if (this.current?.kind === error.kind) return;
    this.current = { kind: error.kind, since: this.current?.since ?? monotonicMs() };
    this.logger.error(
      error.kind === "UNAUTHORIZED"
        ? `${this.url} refuses the token (401): check RUNCAST_TOKEN`
        : `${this.url} is unreachable (${error.message}); trying again until it answers`,
    );
  }

  recovered(): void {
    if (this.current === null) return;
    const seconds = Math.round((monotonicMs() - this.current.since) / 1000);
    this.current = null;
    this.logger.info(`${this.url} answers again after ${seconds} s`);
  }
}
