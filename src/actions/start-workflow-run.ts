import type { Viewer } from "../domain/access.ts";
import type { Engine } from "../orchestration/transition.ts";
import type { Transaction } from "../persistence/database.ts";
import { type RunSetup, readRunSetup, storeRunSetup } from "../persistence/run-setup.ts";
import { commandRun, type RunRequest, refuseRunObstacle } from "./command-run.ts";
import { checkInputs } from "./create-run.ts";
import { checkRunOptions, defaultRunOptions, type RunOptions } from "./run-options.ts";

/** What may still be said when a run is started; what is null stays as it was made. */
export type StartOverrides = {
  readonly [Key in
    | "inputs"
    | "envVars"
    | "labels"
    | "annotations"
    | "message"
    | "timeoutMs"
    | "stepRetries"
    | "debug"]: RunOptions[Key] | null;
};

export interface StartWorkflowRun extends RunRequest {
  readonly overrides: StartOverrides;
}

const PATH = "input.workflowRunId";

/** Starts a run that was made to be started by hand. */
export async function startWorkflowRun(
  engine: Engine,
  viewer: Viewer,
  request: StartWorkflowRun,
): Promise<void> {
  let setup: RunSetup | null = null;
  await commandRun(engine, viewer, request, {
    mutation: "startWorkflowRun",
    path: PATH,
    details: {},
    decideOn: async (run, transaction) => {
      refuseRunObstacle("startWorkflowRun", run, PATH);
      setup = await overridden(engine, transaction, run.state.id, request.overrides);
      const { accountId: actorId } = viewer;
      const start = { kind: "START_RUN", actorId } as const;
      // Labels are what lists filter by: whoever follows the run is told of new ones.
      const { labels } = setup;
      return request.overrides.labels === null
        ? [start]
        : [{ kind: "CHANGE_LABELS", labels, actorId }, start];
    },
    // After the decision, which stores the run's old expiry.
    afterwards: async (transaction) =>
      await storeRunSetup(transaction, request.runId, setup!, engine.clock.now()),
    answer: () => null,
  });
}

async function overridden(
  engine: Engine,
  transaction: Transaction,
  runId: string,
  overrides: StartOverrides,
): Promise<RunSetup> {
  const before = await readRunSetup(transaction, runId);
  const after = mergeSetup(before, overrides);
  checkRunOptions({ ...defaultRunOptions(), ...after });
  const version = await engine.versions.get(transaction, before.versionId);
  return { ...after, inputs: checkInputs(version, after.inputs) };
}

/** New entries of maps are added to those there are; environment variables come after them, and the last wins. */
export function mergeSetup<Setup extends RunSetup>(before: Setup, overrides: StartOverrides): Setup {
  return {
    ...before,
    inputs: { ...before.inputs, ...overrides.inputs },
    envVars: [...before.envVars, ...(overrides.envVars ?? [])],
    labels: { ...before.labels, ...overrides.labels },
    annotations: { ...before.annotations, ...overrides.annotations },
    message: overrides.message ?? before.message,
    timeoutMs: overrides.timeoutMs ?? before.timeoutMs,
    stepRetries: overrides.stepRetries ?? before.stepRetries,
    debug: overrides.debug ?? before.debug,
  };
}
