import { foldRun } from "./fold.ts";
import type { RunDraft } from "./run-draft.ts";
import { foldView } from "./run-state.ts";
import { isTerminal } from "./statuses.ts";

/**
 * A run that had ended goes on when a command gave one of its steps something to do again, or another end to the
 * run as a whole. It gets its whole time again, and what ended it is forgotten.
 * @param at where in the events the command's own begin: that the run goes on is told before what it does
 */
export function reopenIfChanged(draft: RunDraft, at: number, actorId: string | null): void {
  const { status, ending, queuedAt } = draft.head;
  if (!isTerminal(status)) return;
  const views = draft.graph.steps.map((node) => foldView(draft.step(node.index), node));
  if (foldRun(views, ending?.kind ?? null, queuedAt !== null, false) === status) return;
  draft.head = {
    ...draft.head,
    ending: null,
    finishedAt: null,
    progress: 0,
    expiresAt: new Date(draft.now.getTime() + draft.settings.timeoutMs),
  };
  draft.events.splice(at, 0, { type: "RunReopened", payload: {}, actorId });
}
