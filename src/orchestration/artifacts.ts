import type { StepDefinition } from "../domain/definition.ts";
import { stepsBefore } from "../domain/steps-before.ts";
import { holdsStep } from "../persistence/artifact-store.ts";
import { type ArtifactRecord, artifactsToPlace } from "../persistence/queries/artifacts.ts";
import { runProject } from "../persistence/queries/runs.ts";
import type { HeldStep } from "../persistence/runner-store.ts";
import { taskRuns } from "../persistence/task-store.ts";
import type { WorkflowVersion } from "../persistence/workflow-versions.ts";
import type { Engine } from "./transition.ts";

/** What a task has to do with files. */
export interface ArtifactSpec {
  /** Of the files to keep, relative to the workspace. */
  readonly globs: readonly string[];
  /** There may be files of earlier steps, or of the source run, that have to be placed first. */
  readonly fetch: boolean;
}

export const NO_ARTIFACTS: ArtifactSpec = { globs: [], fetch: false };

export function artifactSpec(
  { graph, steps }: WorkflowVersion,
  index: number,
  sourceRunId: string | null,
): ArtifactSpec {
  const isKept = (step: StepDefinition) => step.artifacts.length > 0;
  // Most workflows keep nothing: then the graph need not be walked.
  const fetch =
    sourceRunId !== null ||
    (steps.some(isKept) && stepsBefore(graph, index).some((step) => isKept(steps[step]!)));
  return { globs: steps[index]!.artifacts, fetch };
}

/** Few enough that their links do not end before the last of them is fetched. */
const PAGE = 100;

export interface FilesToPlace {
  readonly artifacts: readonly ArtifactRecord[];
  /** Where the next page begins; null = there is none. */
  readonly next: string | null;
  readonly sourceRunIsGone: boolean;
}

/**
 * The files that a step finds in its workspace, as they are now: those of the steps that are over when it starts and,
 * where none of these made one of that name, those of the source run.
 * @returns null when the step is not the session's
 */
export async function filesToPlace(
  { database, versions }: Engine,
  session: string,
  held: HeldStep,
  after: string,
): Promise<FilesToPlace | null> {
  if (!(await holdsStep(database, session, held))) return null;
  const { runId, step } = held;
  const { versionId, sourceRunId } = (await taskRuns(database, [runId])).get(runId)!;
  const { graph, steps: definitions } = await versions.get(database, versionId);
  const steps = stepsBefore(graph, step);
  const forgiven = steps.filter((earlier) => definitions[earlier]!.continueOnError);
  const scope = { runId, steps, forgiven, sourceRunId };
  const found = await artifactsToPlace(database, scope, after, PAGE + 1);
  const artifacts = found.slice(0, PAGE);
  return {
    artifacts,
    next: found.length > PAGE ? artifacts.at(-1)!.path : null,
    sourceRunIsGone: sourceRunId !== null && (await runProject(database, sourceRunId)) === null,
  };
}
