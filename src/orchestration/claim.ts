import { noticeKeys } from "../domain/bus.ts";
import { SessionLostError } from "../domain/refusals.ts";
import {
  type ClaimedStep,
  claimSteps,
  type StepToCancel,
  stepsToCancel,
} from "../persistence/runner-store.ts";
import type { Engine } from "./transition.ts";

export interface ClaimRequest {
  readonly session: string;
  readonly claimId: string;
  /** How many tasks the runner has room for; 0 = it only listens for cancels. */
  readonly max: number;
  readonly waitMs: number;
  /** Aborted when the runner hung up: what it would be given now, it would never see. */
  readonly signal: AbortSignal;
}

export interface Claim {
  readonly steps: readonly ClaimedStep[];
  readonly cancels: readonly StepToCancel[];
}

/** Even without a hint the queue is looked at this often; the spread keeps runners from asking in step. */
const POLL_MIN_MS = 1_000;
const POLL_SPREAD_MS = 1_000;
/** A cancel that the runner was told of is repeated after this long: the answer may have been lost. */
const REPEAT_CANCEL_MS = 2_000;

/** Hands queued steps to runners: waits until there is something to do, or the runner's patience ends. */
export class ClaimDesk {
  readonly #engine: Engine;
  /** When each session was last told of each cancel. */
  readonly #told = new Map<string, Map<string, number>>();

  readonly #forget: (session: string) => void;

  /** @param forget told of each session that turned out to be over */
  constructor(engine: Engine, forget: (session: string) => void = () => undefined) {
    this.#engine = engine;
    this.#forget = forget;
  }

  async claim(request: ClaimRequest): Promise<Claim> {
    const { database, clock, bus } = this.#engine;
    const { session, claimId, max, signal } = request;
    const deadline = performance.now() + request.waitMs;
    // Listens before it looks, so that a hint between the two is not missed.
    const listener = bus.listen([noticeKeys.work(), noticeKeys.cancel(session)]);
    try {
      for (;;) {
        // Nobody is left to receive what would be leased now.
        if (signal.aborted) return { steps: [], cancels: [] };
        const steps = await claimSteps(database, session, claimId, max, clock.now());
        const cancels = await stepsToCancel(database, session);
        const left = deadline - performance.now();
        if (steps.length > 0 || this.#hasNews(session, cancels) || left <= 0) {
          this.#rememberTold(session, cancels);
          return { steps, cancels };
        }
        await listener.heard(Math.min(left, POLL_MIN_MS + Math.random() * POLL_SPREAD_MS), signal);
      }
    } catch (error) {
      if (error instanceof SessionLostError) {
        this.#told.delete(session);
        this.#forget(session);
      }
      throw error;
    } finally {
      listener.close();
    }
  }

  /** Whether one of these is news, so that a runner that is busy killing is not answered in a tight loop. */
  #hasNews(session: string, cancels: readonly StepToCancel[]): boolean {
    const told = this.#told.get(session);
    const before = performance.now() - REPEAT_CANCEL_MS;
    return cancels.some((cancel) => (told?.get(cancelKey(cancel)) ?? Number.NEGATIVE_INFINITY) < before);
  }

  #rememberTold(session: string, cancels: readonly StepToCancel[]): void {
    if (cancels.length === 0) this.#told.delete(session);
    else this.#told.set(session, new Map(cancels.map((cancel) => [cancelKey(cancel), performance.now()])));
  }
}

function cancelKey({ runId, step, fence, mode }: StepToCancel): string {
  return `${runId} ${step} ${fence} ${mode}`;
}
