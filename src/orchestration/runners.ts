import type { Viewer } from "../domain/access.ts";
import { groupBy } from "../domain/group-by.ts";
import { SessionLostError } from "../domain/refusals.ts";
import { taskKey } from "../domain/task-key.ts";
import {
  extendLease,
  type HeldStep,
  heldSteps,
  type RunnerRegistration,
  registerRunner,
  type SessionOwner,
  type StepToCancel,
  sessionOwner,
  stepsToCancel,
  unknownLeases,
} from "../persistence/runner-store.ts";
import { advance, type Engine } from "./transition.ts";

export type { HeldStep, StepToCancel };

/** A runner that was silent this long is dead: its steps run again elsewhere. */
export const LEASE_MS = 30_000;
export const HEARTBEAT_MS = 10_000;
/** A lease that its runner does not list this long after the grant: its task is lost. */
const UNKNOWN_AFTER_MS = 20_000;

export interface HeartbeatAnswer {
  readonly leaseUntil: Date;
  readonly cancels: readonly StepToCancel[];
  /** What the runner holds and should not: its lease is gone. */
  readonly lost: readonly HeldStep[];
}

/** The sessions of runners: who they are, that they live, what they hold. */
export class RunnerSessions {
  readonly #engine: Engine;
  readonly #owners = new Map<string, SessionOwner>();

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  async register(viewer: Viewer, registration: Omit<RunnerRegistration, "accountId" | "projectId">) {
    const runner = { ...registration, ...ownerOf(viewer) };
    const { database, clock } = this.#engine;
    return await database.transaction(
      async (transaction) => await registerRunner(transaction, runner, clock, LEASE_MS),
    );
  }

  /** Refuses a session that somebody else opened. Whether it still lives, each statement sees for itself. */
  async check(viewer: Viewer, session: string): Promise<void> {
    let owner = this.#owners.get(session);
    if (owner === undefined) {
      owner = (await sessionOwner(this.#engine.database, session)) ?? undefined;
      if (owner !== undefined) this.#owners.set(session, owner);
    }
    if (owner?.accountId !== viewer.accountId || owner.projectId !== viewer.onlyProjectId) {
      throw this.#lost(session);
    }
  }

  /** To be called when a session turned out to be over, so that it is not remembered for ever. */
  forget(session: string): void {
    this.#owners.delete(session);
  }

  async heartbeat(viewer: Viewer, session: string, held: readonly HeldStep[]): Promise<HeartbeatAnswer> {
    const { database, clock } = this.#engine;
    const now = clock.now().getTime();
    const leaseUntil = new Date(now + LEASE_MS);
    const alive = await extendLease(database, session, ownerOf(viewer), leaseUntil);
    if (!alive) throw this.#lost(session);
    await this.#releaseUnknown(session, held, new Date(now - UNKNOWN_AFTER_MS));
    const mine = new Set((await heldSteps(database, session)).map(taskKey));
    return {
      leaseUntil,
      cancels: await stepsToCancel(database, session),
      lost: held.filter((step) => !mine.has(taskKey(step))),
    };
  }

  /** Under the run's lock, like every report: a start of one of these may be on its way. */
  async #releaseUnknown(session: string, held: readonly HeldStep[], grantedBefore: Date): Promise<void> {
    const unknown = await unknownLeases(this.#engine.database, session, held, grantedBefore);
    if (unknown.length === 0) return;
    const byRun = groupBy(unknown, ({ runId }) => runId);
    await advance(this.#engine, [...byRun.keys()], ({ state }) =>
      byRun.get(state.id)!.map(({ step, fence, started }) => ({
        // A start that arrived since then is refused the release: the runner knows of that task.
        kind: started ? "LOSE_LEASE" : "RELEASE_STEP",
        step,
        fence,
      })),
    );
  }

  #lost(session: string): SessionLostError {
    this.forget(session);
    return new SessionLostError("the runner's session is over");
  }
}

function ownerOf({ accountId, onlyProjectId }: Viewer): SessionOwner {
  return { accountId, projectId: onlyProjectId };
}
