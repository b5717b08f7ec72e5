import { taskKey } from "../domain/task-key.ts";
import { type HeldStep, heldSteps } from "../persistence/runner-store.ts";
import { pinSource, previousCommit, type SourceCommit, storeCommits } from "../persistence/task-store.ts";
import type { Engine } from "./transition.ts";

export type { SourceCommit } from "../persistence/task-store.ts";

export interface SourcePin {
  readonly commit: string;
  readonly branch: string | null;
  readonly message: string | null;
  /** Those since the branch's previous run; null = not known. */
  readonly commits: readonly SourceCommit[] | null;
}

export interface PinnedSource {
  /** The commit to use. */
  readonly commit: string;
  /** Where the branch's previous run stood; null = there was none. */
  readonly previousCommit: string | null;
}

/**
 * Settles which commit a run executes; only a session that holds one of its steps may.
 * @returns null when the step is not the session's
 */
export async function pinRunSource(
  { database, clock }: Engine,
  session: string,
  held: HeldStep,
  pin: SourcePin,
): Promise<PinnedSource | null> {
  const mine = await heldSteps(database, session);
  if (!mine.some((step) => taskKey(step) === taskKey(held))) return null;
  const { runId } = held;
  const commit = await pinSource(database, runId, pin, clock.now());
  if (pin.commits !== null) await storeCommits(database, runId, pin.commit, pin.commits);
  return { commit, previousCommit: await previousCommit(database, runId) };
}
