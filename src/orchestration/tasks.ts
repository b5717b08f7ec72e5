import type { EnvVar, StepDefinition } from "../domain/definition.ts";
import { stepEnvironment } from "../domain/environment.ts";
import { mentionsStepOutputs } from "../domain/expressions.ts";
import type { ClaimedStep } from "../persistence/runner-store.ts";
import { stepOutputs, type TaskRun, taskRuns } from "../persistence/task-store.ts";
import type { WorkflowVersion } from "../persistence/workflow-versions.ts";
import type { Engine } from "./transition.ts";

/** Everything a runner needs to execute one step: it resolves and expands nothing itself. */
export interface Task extends ClaimedStep {
  readonly stepRef: string;
  readonly workflowName: string;
  readonly runNumber: number;
  readonly spec: TaskSpec;
}

export interface TaskSpec {
  readonly run: string;
  readonly shell: string;
  readonly timeoutMs: number;
  /** Between SIGTERM and SIGKILL. */
  readonly graceMs: number;
  readonly env: readonly EnvVar[];
  readonly source: {
    readonly git: string;
    readonly ref: string | null;
    readonly commit: string | null;
  } | null;
}

const GRACE_MS = 10_000;

export async function buildTasks(
  { database, versions }: Engine,
  claimed: readonly ClaimedStep[],
): Promise<Task[]> {
  if (claimed.length === 0) return [];
  const runs = await taskRuns(database, [...new Set(claimed.map(({ runId }) => runId))]);
  const outputs = new Map<string, Promise<StepOutputs>>();
  const outputsOf = (runId: string): Promise<StepOutputs> => {
    const known = outputs.get(runId) ?? stepOutputs(database, runId);
    outputs.set(runId, known);
    return known;
  };
  return await Promise.all(
    claimed.map(async (step) => {
      const run = runs.get(step.runId)!;
      const version = await versions.get(database, run.versionId);
      const definition = version.steps[step.step]!;
      const needsOutputs = [...version.definition.env, ...definition.env].some(({ value }) =>
        mentionsStepOutputs(value),
      );
      const spec = specOf(run, version, definition, needsOutputs ? await outputsOf(run.id) : {});
      return {
        ...step,
        stepRef: definition.ref,
        workflowName: run.workflowName,
        runNumber: run.number,
        spec,
      };
    }),
  );
}

type StepOutputs = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

function specOf(
  run: TaskRun,
  { definition }: WorkflowVersion,
  step: StepDefinition,
  stepOutputs: StepOutputs,
): TaskSpec {
  const { source } = definition;
  return {
    run: step.run ?? "",
    shell: step.shell,
    timeoutMs: step.timeoutMs,
    graceMs: GRACE_MS,
    env: stepEnvironment(definition, step, { inputs: run.inputs, stepOutputs }, { above: [run.envVars] }),
    source: source === null ? null : { git: source.git, ref: run.branch ?? source.ref, commit: run.commit },
  };
}
