import type { Bus } from "../domain/bus.ts";
import type { Clock } from "../domain/clock.ts";
import type { RunCommand } from "../domain/commands.ts";
import { decide, type RunDelta } from "../domain/decide.ts";
import type { Database, Transaction } from "../persistence/database.ts";
import {
  type AppliedDeltas,
  applyDeltas,
  type LockedRun,
  lockReadySteps,
  lockRuns,
  type RunUpdate,
} from "../persistence/run-store.ts";
import type { WorkflowVersions } from "../persistence/workflow-versions.ts";

/** What every part of the orchestration works with. */
export interface Engine {
  readonly database: Database;
  readonly versions: WorkflowVersions;
  readonly clock: Clock;
  readonly bus: Bus;
}

export interface Transitioned {
  /** What was decided, by run. Runs that do not exist are missing. */
  readonly deltas: ReadonlyMap<string, RunDelta>;
  readonly applied: AppliedDeltas;
}

const NOTHING: AppliedDeltas = { changes: [], cancelingSessions: [], workReady: false, signaled: false };

/** What is to happen to a locked run. It may read more of it first: nobody else writes to the run meanwhile. */
export type CommandsFor = (
  run: LockedRun,
  transaction: Transaction,
) => readonly RunCommand[] | Promise<readonly RunCommand[]>;

/**
 * The one way in which a run changes state, apart from the fast path of reports: lock, load, decide, store.
 * The caller commits and then calls `announce`.
 * @param commandsFor called with each locked run, again when a claim took some of its steps meanwhile; an empty
 *   list leaves it alone
 * @param revised whether this is a person's command, which raises the run's revision
 */
export async function transition(
  transaction: Transaction,
  { versions, clock }: Engine,
  runIds: readonly string[],
  commandsFor: CommandsFor,
  { revised = false } = {},
): Promise<Transitioned> {
  for (;;) {
    const runs = await lockRuns(transaction, runIds, versions);
    const now = clock.now();
    const deltas = new Map<string, RunDelta>();
    const updates: RunUpdate[] = [];
    for (const [id, run] of runs) {
      const delta = decide(run.state, await commandsFor(run, transaction), now);
      deltas.set(id, delta);
      if (delta.applied.includes(true)) updates.push({ run, delta, revised });
    }
    if (updates.length === 0) return { deltas, applied: NOTHING };
    // At the second try no claim can come in between any more.
    if (!(await lockReadySteps(transaction, updates))) continue;
    return { deltas, applied: await applyDeltas(transaction, updates, now) };
  }
}

/** Tells everyone who waits. Only after the commit: nobody may see an event that could still be rolled back. */
export function announce(bus: Bus, { changes, cancelingSessions, workReady, signaled }: AppliedDeltas): void {
  for (const { runId, lastSeq } of changes) bus.publish({ topic: "run", runId, lastSeq });
  for (const session of cancelingSessions) bus.publish({ topic: "cancel", session });
  if (workReady) bus.publish({ topic: "work" });
  if (signaled) bus.publish({ topic: "signal" });
}

/** A transition that is nobody's command: its own transaction, announced at once. */
export async function advance(
  engine: Engine,
  runIds: readonly string[],
  commandsFor: CommandsFor,
): Promise<ReadonlyMap<string, RunDelta>> {
  const { deltas, applied } = await engine.database.transaction(
    async (transaction) => await transition(transaction, engine, runIds, commandsFor),
  );
  announce(engine.bus, applied);
  return deltas;
}
