import { taskKey } from "../domain/task-key.ts";
import { type HeldStep, heldSteps } from "../persistence/runner-store.ts";
import { pinSource } from "../persistence/task-store.ts";
import type { Engine } from "./transition.ts";

/**
 * Settles which commit a run executes; only a session that holds one of its steps may.
 * @returns the commit to use; null when the step is not the session's
 */
export async function pinRunSource(
  { database, clock }: Engine,
  session: string,
  held: HeldStep,
  pin: { readonly commit: string; readonly branch: string | null; readonly message: string | null },
): Promise<string | null> {
  const mine = await heldSteps(database, session);
  if (!mine.some((step) => taskKey(step) === taskKey(held))) return null;
  return await pinSource(database, held.runId, pin, clock.now());
}
