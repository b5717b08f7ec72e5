import type { RunDraft } from "./run-draft.ts";
import { landStep, type Stop } from "./stop-step.ts";

/** Doing a step again, and what that means for the steps after it. */

export function resetBy(draft: RunDraft, actorId: string | null): Stop {
  return { onDeath: "RESET", reason: draft.reason("REQUESTED", "done again on request", actorId), actorId };
}

/**
 * What was skipped because of this step, or stopped with its run before it came to it, is judged again; so is
 * what was skipped because of that.
 */
export function reviveAfter(draft: RunDraft, index: number, actorId: string | null): void {
  walkAfter(draft, index, (after) => {
    const { status, reason } = draft.step(after);
    const skipped = status === "SKIPPED" && reason?.code === "DEPENDENCY";
    const stopped = status === "CANCELED" && (reason?.code === "RUN_CANCELED" || reason?.code === "EXPIRED");
    if (!skipped && !stopped) return false;
    landStep(draft, after, resetBy(draft, actorId), {});
    return true;
  });
}

/** Everything that waits for this step: by its needs, or behind the barrier of its stage, over any distance. */
export function descendantsOf(draft: RunDraft, index: number): number[] {
  const found: number[] = [];
  walkAfter(draft, index, (after) => found.push(after) > 0);
  return found;
}

/** Visits what comes after a step, each once. `visit` says whether what needs that one is visited too. */
function walkAfter(draft: RunDraft, index: number, visit: (after: number) => boolean): void {
  const { steps } = draft.graph;
  const { stage, dependents } = steps[index]!;
  const later = steps.filter((node) => node.behindBarrier && node.stage > stage);
  const queue = [...dependents, ...later.map((node) => node.index)];
  const seen = new Set([index]);
  for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
    if (seen.has(next)) continue;
    seen.add(next);
    if (visit(next)) queue.push(...steps[next]!.dependents);
  }
}
