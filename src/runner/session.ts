import type { RegisterRunnerPayload } from "./protocol.ts";
import { isProtocolError } from "./protocol-error.ts";
import type { RunnerTiming } from "./timing.ts";
import { monotonicMs } from "./waiting.ts";

/** LOST: the server knows it no more. FENCED: this runner gave it up, because its lease may be over. */
export type SessionEnd = "LOST" | "FENCED" | "CLOSED";

/** For this lease the fence times were chosen; shorter ones shorten them in proportion. */
const FULL_LEASE_MS = 30_000;

/** The server's promise that what it granted here runs nowhere else, for as long as heartbeats arrive. */
export class Session {
  readonly id: string;
  readonly heartbeatMs: number;
  readonly maxArtifactBytes: number;
  readonly fenceTermMs: number;
  readonly fenceKillMs: number;
  readonly ended: Promise<SessionEnd>;
  private readonly controller = new AbortController();
  private readonly resolveEnded: (cause: SessionEnd) => void;

  /** @param acknowledgedAt when the last request was SENT that the server answered, by the monotonic clock */
  constructor(
    granted: RegisterRunnerPayload,
    private acknowledgedAt: number,
    timing: Pick<RunnerTiming, "fenceTermMs" | "fenceKillMs">,
  ) {
    this.id = granted.session;
    this.heartbeatMs = granted.heartbeatMs;
    this.maxArtifactBytes = granted.maxArtifactBytes;
    const share = Math.min(1, granted.leaseMs / FULL_LEASE_MS);
    this.fenceTermMs = timing.fenceTermMs * share;
    this.fenceKillMs = timing.fenceKillMs * share;
    let resolveEnded: (cause: SessionEnd) => void = () => {};
    this.ended = new Promise((resolve) => {
      resolveEnded = resolve;
    });
    this.resolveEnded = resolveEnded;
  }

  /** Aborts at its end. */
  get signal(): AbortSignal {
    return this.controller.signal;
  }

  get sinceAcknowledgedMs(): number {
    return monotonicMs() - this.acknowledgedAt;
  }

  /** Whether the lease is surely still held. */
  get isFresh(): boolean {
    return !this.signal.aborted && this.sinceAcknowledgedMs < this.fenceTermMs;
  }

  acknowledge(sentAt: number): void {
    this.acknowledgedAt = Math.max(this.acknowledgedAt, sentAt);
  }

  /** Only the first call counts. */
  end(cause: SessionEnd): void {
    this.resolveEnded(cause);
    this.controller.abort();
  }

  /** Passes an answer on; one that says the session is lost also ends it here. */
  async heed<T>(answer: Promise<T>): Promise<T> {
    try {
      return await answer;
    } catch (error) {
      if (isProtocolError(error, "SESSION_LOST")) this.end("LOST");
      throw error;
    }
  }
}
