import type { Viewer } from "../domain/access.ts";
import { type Fault, invalid } from "../domain/refusals.ts";
import type { Engine } from "../orchestration/transition.ts";
import { runNotes } from "../persistence/queries/run-notes.ts";
import { commandRun, type RunRequest } from "./command-run.ts";
import { annotationFaults, labelFaults } from "./run-options.ts";

/** A change of a map of texts: a text sets an entry, null removes it. */
export type TextChanges = Readonly<Record<string, string | null>>;

export interface ChangeRunTexts extends RunRequest {
  readonly changes: TextChanges;
  /** What is not named goes away. */
  readonly replace: boolean;
}

const PATH = "input.workflowRunId";

/** Changes the labels that a run is found by. Legal in every state, also of a finalized run. */
export async function setWorkflowRunLabels(
  engine: Engine,
  viewer: Viewer,
  request: ChangeRunTexts,
): Promise<void> {
  await commandRun(engine, viewer, request, {
    mutation: "setWorkflowRunLabels",
    path: PATH,
    details: { labels: request.changes, replace: request.replace },
    decideOn: async ({ state }, transaction) => {
      const { labels: before } = await runNotes(transaction, state.id);
      const labels = changed(before, request, labelFaults);
      if (isSame(before, labels)) return [];
      return [{ kind: "CHANGE_LABELS", labels, actorId: viewer.accountId }];
    },
    answer: () => null,
  });
}

/** Changes the notes that people and systems leave on a run. Legal in every state, also of a finalized run. */
export async function annotateWorkflowRun(
  engine: Engine,
  viewer: Viewer,
  request: ChangeRunTexts,
): Promise<void> {
  await commandRun(engine, viewer, request, {
    mutation: "annotateWorkflowRun",
    path: PATH,
    details: { annotations: request.changes, replace: request.replace },
    decideOn: async ({ state }, transaction) => {
      const { annotations: before } = await runNotes(transaction, state.id);
      const annotations = changed(before, request, annotationFaults);
      return isSame(before, annotations) ? [] : [{ kind: "ANNOTATE_RUN", annotations }];
    },
    answer: () => null,
  });
}

/** Refuses labels that no run can take, whatever labels it has. */
export function checkLabelChanges(changes: TextChanges): void {
  const faults = labelFaults(withoutNulls(changes));
  if (faults.length > 0) throw invalid(faults[0]!.path, faults);
}

type Texts = Readonly<Record<string, string>>;

function withoutNulls(changes: TextChanges): Texts {
  const kept = Object.entries(changes).filter((entry): entry is [string, string] => entry[1] !== null);
  return Object.fromEntries(kept);
}

function changed(
  before: Texts,
  { changes, replace }: ChangeRunTexts,
  faultsOf: (texts: Texts) => Fault[],
): Texts {
  const texts = withoutNulls({ ...(replace ? {} : before), ...changes });
  const faults = faultsOf(texts);
  if (faults.length > 0) throw invalid(faults[0]!.path, faults);
  return texts;
}

function isSame(before: Texts, after: Texts): boolean {
  const keys = Object.keys(after);
  return keys.length === Object.keys(before).length && keys.every((key) => before[key] === after[key]);
}
