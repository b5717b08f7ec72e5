import { defaultRunOptions, type RunOptions } from "../../src/actions/run-options.ts";
import { triggerWorkflowRun } from "../../src/actions/trigger-workflow-run.ts";
import type { AccountType, Viewer } from "../../src/domain/access.ts";
import type { Clock } from "../../src/domain/clock.ts";
import type { StepDefinition, WorkflowDefinition } from "../../src/domain/definition.ts";
import { compileGraph, type StageSpec } from "../../src/domain/graph.ts";
import { RunnerSessions } from "../../src/orchestration/runners.ts";
import type { Engine } from "../../src/orchestration/transition.ts";
import { createToken, openProject } from "../../src/persistence/account-store.ts";
import { createDataSource } from "../../src/persistence/data-source.ts";
import { Database } from "../../src/persistence/database.ts";
import type { RunnerRegistration } from "../../src/persistence/runner-store.ts";
import { addVersion, openWorkflow } from "../../src/persistence/workflow-store.ts";
import { WorkflowVersions } from "../../src/persistence/workflow-versions.ts";
import { InProcessBus } from "../../src/realtime/in-process-bus.ts";
import { plainCommand } from "../support/commands.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";

/** The engine without its API, on a database of its own, and the few things every test does with it. */
export interface Workbench extends AsyncDisposable {
  readonly database: TestDatabase;
  readonly engine: Engine;
  readonly person: Viewer;
  readonly runner: Viewer;
  /** One more process on the same database: its own connections, caches and bus. */
  replica(): Promise<Engine>;
  /** Stores a workflow, past the parser of workflow files. @returns its key */
  deploy(stages: readonly StageSpec[], options?: DeployOptions): Promise<string>;
  /** @returns the run's key */
  trigger(workflowId: string, options?: Partial<RunOptions>): Promise<string>;
  /** Registers a runner. @returns its session */
  session(options?: Partial<RunnerRegistration>): Promise<string>;
  /** Ends the connections of all replicas; the database can still be looked at. */
  closeEngines(): Promise<void>;
}

export async function openWorkbench(clock: Clock, { poolSize = 8 } = {}): Promise<Workbench> {
  const database = await createTestDatabase();
  const engines: Engine[] = [];
  const replica = async (): Promise<Engine> => {
    const dataSource = await createDataSource({ url: database.url, poolSize }).initialize();
    const engine = {
      database: new Database(dataSource),
      versions: new WorkflowVersions(),
      clock,
      bus: new InProcessBus(),
    };
    engines.push(engine);
    return engine;
  };
  const closeEngines = async (): Promise<void> => {
    for (const { database } of engines.splice(0)) await database[Symbol.asyncDispose]();
  };
  const engine = await replica();
  const person = await openAccount(engine, database, "USER");
  const runner = await openAccount(engine, database, "RUNNER");
  let runners = 0;
  return {
    database,
    engine,
    person,
    runner,
    replica,
    deploy: async (stages, options) => await deploy(engine, person, stages, options),
    trigger: async (workflowId, options) =>
      await triggerWorkflowRun(engine, person, {
        workflowId,
        options: { ...defaultRunOptions(), ...options },
        sourceRunId: null,
        parent: null,
        command: plainCommand,
      }),
    session: async ({ projectId = null, ...options } = {}) => {
      const registration = {
        name: `runner ${++runners}`,
        hostname: "test",
        version: "1",
        queues: ["default"],
        labels: [],
        capacity: 100,
        ...options,
      };
      const viewer = { ...runner, onlyProjectId: projectId };
      return (await new RunnerSessions(engine).register(viewer, registration)).session;
    },
    closeEngines,
    async [Symbol.asyncDispose]() {
      await closeEngines();
      await database[Symbol.asyncDispose]();
    },
  };
}

async function openAccount(engine: Engine, database: TestDatabase, type: AccountType): Promise<Viewer> {
  const username = `test-${type.toLowerCase()}`;
  const systemAdmin = type === "USER";
  await engine.database.transaction(
    async (transaction) =>
      await createToken(
        transaction,
        {
          username,
          type,
          systemAdmin,
          membership: null,
          onlyProjectId: null,
          description: "test",
          expiresAt: null,
        },
        engine.clock,
      ),
  );
  const [row] = await database.query<{ id: string }>("select id from account where username = $1", [
    username,
  ]);
  const accountId = row!.id;
  return {
    accountId,
    tokenId: accountId,
    type,
    systemAdmin,
    onlyProjectId: null,
    roles: new Map(),
    tokenExpiresAt: null,
  };
}

export interface DeployOptions {
  readonly project?: string;
  readonly timeoutMs?: number;
  readonly name?: string;
  /** Name of the workflow that steps run which wait for a child run. */
  readonly child?: string;
}

let workflows = 0;

async function deploy(
  engine: Engine,
  { accountId: createdBy }: Viewer,
  stages: readonly StageSpec[],
  { project = "default", timeoutMs = 86_400_000, ...options }: DeployOptions = {},
): Promise<string> {
  const { graph, faults } = compileGraph(stages);
  if (graph === null) throw new Error(faults.map(({ message }) => message).join("; "));
  const name = options.name ?? `workflow-${++workflows}`;
  const definition = definitionOf(name, stages, timeoutMs, options.child ?? name);
  return await engine.database.transaction(async (transaction) => {
    const projectId = await openProject(transaction, project, engine.clock);
    const { workflow } = await openWorkflow(transaction, projectId, name, engine.clock);
    const version = { workflow, definition, graph, source: "", createdBy };
    await addVersion(transaction, version, engine.clock);
    return workflow.id;
  });
}

function definitionOf(
  name: string,
  stages: readonly StageSpec[],
  timeoutMs: number,
  child: string,
): WorkflowDefinition {
  const command = {
    run: "true",
    http: null,
    test: null,
    artifacts: [],
    shell: "sh -e",
    env: [],
    timeoutMs: 60_000,
  };
  return {
    name,
    description: null,
    inputs: [],
    env: [],
    source: null,
    timeoutMs,
    maxParallelSteps: null,
    outputs: {},
    stages: stages.map((stage) => ({
      ...stage,
      steps: stage.steps.map((spec): StepDefinition => {
        const isChild = spec.waitsFor === "CHILD_RUN";
        return { ...spec, ...command, child: isChild ? { workflow: child, inputs: {} } : null };
      }),
    })),
  };
}
