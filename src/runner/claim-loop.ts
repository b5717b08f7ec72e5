import { randomUUID } from "node:crypto";
import { FaultLog } from "./fault-log.ts";
import type { RunnerLogger } from "./logger.ts";
import type { ClaimTasksPayload, GrantedTask, TaskReport } from "./protocol.ts";
import type { ProtocolClient } from "./protocol-client.ts";
import { isProtocolError } from "./protocol-error.ts";
import type { Session } from "./session.ts";
import type { TaskTable } from "./task-table.ts";
import type { RunnerTiming } from "./timing.ts";
import { Backoff, monotonicMs, pause } from "./waiting.ts";

const MAX_CLAIM = 100;
const ANSWER_MARGIN_MS = 20_000;

export interface ClaimLoopOptions {
  readonly session: Session;
  readonly client: ProtocolClient;
  readonly tasks: TaskTable;
  readonly timing: RunnerTiming;
  readonly logger: RunnerLogger;
  readonly start: (task: GrantedTask) => void;
  readonly report: (report: TaskReport) => void;
}

/** One order for tasks; repeated under its id until it is answered, so that a lost answer loses no lease. */
interface Claim {
  readonly id: string;
  readonly max: number;
  readonly firstSentAt: number;
}

/** Keeps one claim open: for as many tasks as there are free slots, or for cancels alone when there are none. */
export class ClaimLoop {
  private draining = false;
  private interrupt = new AbortController();

  constructor(private readonly options: ClaimLoopOptions) {}

  /** From now on only cancels are asked for. */
  drain(): void {
    this.draining = true;
    this.interrupt.abort();
  }

  async run(): Promise<void> {
    const { session, timing, logger } = this.options;
    const backoff = new Backoff(timing.retryMinMs, timing.retryMaxMs);
    let unanswered: Claim | null = null;
    const faults = new FaultLog(logger);
    while (!session.signal.aborted) {
      const claim: Claim = unanswered ?? (await this.nextClaim());
      unanswered = null;
      try {
        const answer = await this.send(claim);
        backoff.reset();
        faults.succeeded();
        await this.take(claim, answer);
      } catch (error) {
        if (isProtocolError(error, "ABORTED")) continue;
        faults.failed(error);
        // Without a place for tasks none can have been granted, and a refused claim granted none.
        if (claim.max > 0 && !this.draining && !isProtocolError(error, "REFUSED")) unanswered = claim;
        await pause(backoff.next(), session.signal);
      }
    }
  }

  private async nextClaim(): Promise<Claim> {
    const { tasks, timing } = this.options;
    const isFull = () => !this.draining && tasks.free === 0;
    // Most steps of a full runner end sooner than this: their slot is then claimed for without a detour.
    if (isFull()) await this.untilFreed((signal) => pause(timing.fullPauseMs, signal));
    const max = this.draining ? 0 : Math.min(tasks.free, MAX_CLAIM);
    return { id: randomUUID(), max, firstSentAt: monotonicMs() };
  }

  private send(claim: Claim): Promise<ClaimTasksPayload> {
    const { session, client, timing } = this.options;
    const { claimWaitMs: waitMs } = timing;
    const input = { session: session.id, claimId: claim.id, max: claim.max, waitMs };
    const request = (signal: AbortSignal) =>
      session.heed(client.claimTasks(input, { signal, timeoutMs: waitMs + ANSWER_MARGIN_MS }));
    return claim.max === 0 && !this.draining
      ? this.untilFreed(request)
      : this.untilInterrupted(request, () => () => {});
  }

  /** A freed slot ends the work: what was to be waited for matters less than asking for the next task. */
  private untilFreed<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    return this.untilInterrupted(work, (abort) => this.options.tasks.onFreed(abort));
  }

  private async untilInterrupted<T>(
    work: (signal: AbortSignal) => Promise<T>,
    subscribe: (abort: () => void) => () => void,
  ): Promise<T> {
    const { signal } = this.options.session;
    const interrupt = new AbortController();
    this.interrupt = interrupt;
    const abort = () => interrupt.abort();
    const unsubscribe = subscribe(abort);
    signal.addEventListener("abort", abort);
    if (signal.aborted) abort();
    try {
      return await work(interrupt.signal);
    } finally {
      unsubscribe();
      signal.removeEventListener("abort", abort);
    }
  }

  private async take(claim: Claim, { tasks: granted, cancels }: ClaimTasksPayload): Promise<void> {
    const { session, tasks, timing, logger, start, report } = this.options;
    const news = tasks.cancel(cancels);
    const elapsedMs = monotonicMs() - claim.firstSentAt;
    const late = elapsedMs > timing.lateClaimMs || !session.isFresh;
    for (const task of granted) {
      if (tasks.has(task)) continue;
      if (!late && !this.draining && !tasks.wasCanceled(task)) start(task);
      else report({ stepRunId: task.stepRunId, fence: task.fence, kind: "RELEASED" });
    }
    if (late && granted.length > 0) {
      logger.warn(
        `a claim was answered after ${Math.round(elapsedMs)} ms; its ${granted.length} task(s) are given back`,
      );
    }
    if (granted.length > 0 || news || elapsedMs >= timing.emptyClaimPauseMs) return;
    await this.untilFreed((signal) => pause(timing.emptyClaimPauseMs - elapsedMs, signal));
  }
}
