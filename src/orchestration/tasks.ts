import type { EnvVar, StepDefinition } from "../domain/definition.ts";
import { EnvironmentError, stepEnvironment } from "../domain/environment.ts";
import { type ExpressionContext, mentionsStepOutputs, SecretError } from "../domain/expressions.ts";
import {
  RequestError,
  type ResolvedRequest,
  requestNeedsOutputs,
  resolveRequest,
} from "../domain/http-request.ts";
import type { ClaimedStep } from "../persistence/runner-store.ts";
import { stepOutputs, type TaskRun, taskRuns } from "../persistence/task-store.ts";
import type { WorkflowVersion } from "../persistence/workflow-versions.ts";
import { type ArtifactSpec, artifactSpec, NO_ARTIFACTS } from "./artifacts.ts";
import { applyReports, type TaskReport } from "./report.ts";
import { secretNames, type TaskEquipment } from "./task-equipment.ts";
import { type TestTask, testTask } from "./test-tasks.ts";
import type { Engine } from "./transition.ts";

/** Everything a runner needs to execute one step: it resolves and expands nothing itself. */
export interface Task extends ClaimedStep {
  readonly stepRef: string;
  readonly workflowName: string;
  readonly runNumber: number;
  readonly spec: TaskSpec;
}

export interface TaskSpec {
  /** The command; empty when there is a request instead. */
  readonly run: string;
  /** What an HTTP step asks for; null = a command. */
  readonly http: ResolvedRequest | null;
  readonly shell: string;
  readonly timeoutMs: number;
  /** Between SIGTERM and SIGKILL. */
  readonly graceMs: number;
  readonly env: readonly EnvVar[];
  /** What to do with tests; null for other steps than test steps, whose `run` it replaces. */
  readonly test: TestTask | null;
  readonly source: {
    readonly git: string;
    readonly ref: string | null;
    readonly commit: string | null;
  } | null;
  /** What the runner keeps out of everything that it tells of the step. */
  readonly masks: readonly string[];
  /** Where the step's processes reach the API; null = where their runner does. */
  readonly apiUrl: string | null;
  /** Their token there; null = they have none, as a request has no processes. */
  readonly taskToken: string | null;
  readonly artifacts: ArtifactSpec;
}

const GRACE_MS = 10_000;
/** Asks the commands of a run to say more. */
const DEBUG: readonly EnvVar[] = [{ key: "RUNCAST_DEBUG", value: "true" }];

/** Who claimed the steps: what cannot be made a task of is failed in its name. */
export interface Claimant {
  readonly session: string;
  readonly accountId: string;
}

/** Makes tasks of claimed steps. A step whose environment or request cannot be made fails here, the others go on. */
export async function buildTasks(
  engine: Engine,
  claimant: Claimant,
  claimed: readonly ClaimedStep[],
  equipment: TaskEquipment,
): Promise<Task[]> {
  if (claimed.length === 0) return [];
  const runs = await taskRuns(engine.database, [...new Set(claimed.map(({ runId }) => runId))]);
  const outputs = new OutputsByRun(engine);
  const tasks = await Promise.all(
    claimed.map(async (step) => {
      try {
        return await buildTask(engine, runs.get(step.runId)!, step, outputs, equipment);
      } catch (error) {
        if (!isAuthorsFault(error)) throw error;
        await applyReports(engine, [failure(claimant, step, error.message)]);
        return null;
      }
    }),
  );
  return tasks.filter((task) => task !== null);
}

function isAuthorsFault(error: unknown): error is Error {
  return error instanceof EnvironmentError || error instanceof RequestError || error instanceof SecretError;
}

function failure(claimant: Claimant, { runId, step, fence }: ClaimedStep, error: string): TaskReport {
  const log = { length: 0, crc32: "00000000" };
  const end = { kind: "FINISHED", outcome: "FAILED", exitCode: null, output: null, error, log } as const;
  return { ...claimant, runId, step, fence, ...end };
}

async function buildTask(
  { database, versions }: Engine,
  run: TaskRun,
  step: ClaimedStep,
  outputs: OutputsByRun,
  equipment: TaskEquipment,
): Promise<Task> {
  const version = await versions.get(database, run.versionId);
  const definition = version.steps[step.step]!;
  const stepOutputs = needsOutputs(version, definition) ? await outputs.of(run.id) : {};
  const test = await testTask(database, step, definition.test);
  const names = secretNames(version.definition, definition);
  const secrets = names.length === 0 ? new Map<string, string>() : await equipment.secretsOf(run, names);
  const context = { inputs: run.inputs, stepOutputs, secrets };
  const taskToken = definition.http === null ? equipment.tokenOf(step) : null;
  const spec = {
    ...specOf(run, version, definition, context, test),
    masks: [...secrets.values(), ...(taskToken === null ? [] : [taskToken])],
    apiUrl: equipment.apiUrl,
    taskToken,
    artifacts: definition.http === null ? artifactSpec(version, step.step, run.sourceRunId) : NO_ARTIFACTS,
  };
  const { workflowName, number: runNumber } = run;
  return { ...step, stepRef: definition.ref, workflowName, runNumber, spec };
}

function needsOutputs({ definition }: WorkflowVersion, step: StepDefinition): boolean {
  if (step.http !== null) return requestNeedsOutputs(step.http);
  return [...definition.env, ...step.env].some(({ value }) => mentionsStepOutputs(value));
}

/** The outputs of each run's steps, read once for all of its tasks. */
class OutputsByRun {
  readonly #engine: Engine;
  readonly #byRun = new Map<string, Promise<StepOutputs>>();

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  async of(runId: string): Promise<StepOutputs> {
    const known = this.#byRun.get(runId) ?? stepOutputs(this.#engine.database, runId);
    this.#byRun.set(runId, known);
    return await known;
  }
}

type StepOutputs = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

function specOf(
  run: TaskRun,
  { definition }: WorkflowVersion,
  step: StepDefinition,
  context: ExpressionContext,
  test: TestTask | null,
): Omit<TaskSpec, "masks" | "apiUrl" | "taskToken" | "artifacts"> {
  const common = { shell: step.shell, timeoutMs: step.timeoutMs, graceMs: GRACE_MS };
  // A request needs neither variables nor a workspace.
  if (step.http !== null) {
    return { ...common, run: "", http: resolveRequest(step.http, context), env: [], test, source: null };
  }
  const { source } = definition;
  return {
    ...common,
    run: step.run ?? "",
    http: null,
    test,
    env: stepEnvironment(definition, step, context, { above: [run.envVars, run.debug ? DEBUG : []] }),
    source: source === null ? null : { git: source.git, ref: run.branch ?? source.ref, commit: run.commit },
  };
}
