/** Every wait of the runner, in milliseconds: one place to read them, and tests shorten them. */
export interface RunnerTiming {
  /** How long the server may hold a claim open. */
  readonly claimWaitMs: number;
  /**
   * Tasks of a claim answered later than this are given back: the server releases a lease that no heartbeat
   * lists 20 s after granting it, so a task started later could run twice.
   */
  readonly lateClaimMs: number;
  /** Pause after a claim that was answered at once and brought nothing new: cancels repeat until their step ends. */
  readonly emptyClaimPauseMs: number;
  /** A full runner waits this long for a free slot before it opens a claim that can only bring cancels. */
  readonly fullPauseMs: number;
  readonly requestTimeoutMs: number;
  readonly heartbeatTimeoutMs: number;
  /** Jittered waits between tries double from the first to the second. */
  readonly retryMinMs: number;
  readonly retryMaxMs: number;
  /** Counted from SENDING the last acknowledged heartbeat. Shortened in proportion for leases under 30 s. */
  readonly fenceTermMs: number;
  readonly fenceKillMs: number;
  /** How long a cancel for a task that is not here yet is remembered. */
  readonly cancelMemoryMs: number;
  readonly logFlushMs: number;
  /** After a step's processes are gone: how long what they left in the pipes may take to read. */
  readonly outputDrainMs: number;
  readonly checkoutTimeoutMs: number;
  /** The reaper kills after this silence. */
  readonly reaperSilenceMs: number;
  /** How long a draining runner lets its tasks run before it ends them. */
  readonly drainMs: number;
  /** Last chance for reports and logs when the runner closes. */
  readonly closingFlushMs: number;
  readonly workspaceMaxAgeMs: number;
  readonly workspaceSweepMs: number;
}

export const DEFAULT_TIMING: RunnerTiming = {
  claimWaitMs: 10_000,
  lateClaimMs: 15_000,
  emptyClaimPauseMs: 250,
  fullPauseMs: 200,
  requestTimeoutMs: 30_000,
  heartbeatTimeoutMs: 5_000,
  retryMinMs: 100,
  retryMaxMs: 5_000,
  fenceTermMs: 18_000,
  fenceKillMs: 25_000,
  cancelMemoryMs: 60_000,
  logFlushMs: 50,
  outputDrainMs: 500,
  checkoutTimeoutMs: 600_000,
  reaperSilenceMs: 20_000,
  drainMs: 15_000,
  closingFlushMs: 5_000,
  workspaceMaxAgeMs: 24 * 3_600_000,
  workspaceSweepMs: 3_600_000,
};
