import type { PostgresMeter } from "../support/postgres-meter.ts";
import type { ServerHandlers } from "../support/server.ts";
import { median } from "../support/statistics.ts";
import type { Worker } from "../support/worker.ts";
import type { MeasuredWorkflow } from "../support/workflows.ts";
import type { LoadHandlers } from "./load.ts";

export interface Bench {
  readonly server: Worker<ServerHandlers>;
  readonly load: Worker<LoadHandlers>;
  readonly meter: PostgresMeter;
}

export interface ThroughputPlan {
  readonly name: string;
  readonly workflow: MeasuredWorkflow;
  readonly rounds: number;
  /** Runs of the workflow in one round, one after the other. */
  readonly runs: number;
}

/** What one step cost. */
export interface Costs {
  readonly wallUs: number;
  readonly serverCpuUs: number;
  readonly loadCpuUs: number;
  /** Null where PostgreSQL's processes cannot be seen. */
  readonly postgresCpuUs: number | null;
  readonly transactions: number;
  readonly walBytes: number;
}

export interface ThroughputRow {
  readonly case: string;
  readonly steps: number;
  readonly rounds: number;
  readonly runs: number;
  readonly stepsPerSecond: number;
  readonly floorStepsPerSecond: number;
  /** Median of the rounds' own ratios: rounds of a noisy machine differ, their two halves differ less. */
  readonly ratio: number;
  readonly subject: Costs;
  readonly floor: Costs;
}

const ROUND_MS = 180_000;

/** Subject and floor take turns, round by round, on as many steps each. */
export async function measureThroughput(bench: Bench, plan: ThroughputPlan): Promise<ThroughputRow> {
  const { load } = bench;
  const { workflow, rounds, runs } = plan;
  const workflowId = await load.ask("deploy", { source: workflow.source });
  const tasks = workflow.steps * runs;
  const execute = async (): Promise<number> =>
    await load.ask("executeRuns", { workflowId, steps: workflow.steps, runs }, ROUND_MS);
  const drain = async (): Promise<number> => await load.ask("drainFloor", undefined, ROUND_MS);

  const measured: { subject: Costs; floor: Costs }[] = [];
  // The round before the first warms up both and is not counted.
  for (let round = 0; round <= rounds; round++) {
    await load.ask("seedFloor", { tasks }, ROUND_MS);
    const floor = await costsOf(bench, tasks, drain);
    const subject = await costsOf(bench, tasks, execute);
    if (round > 0) measured.push({ subject, floor });
    else await bench.meter.analyzeAtRest();
  }
  const subject = medianCosts(measured.map((each) => each.subject));
  const floor = medianCosts(measured.map((each) => each.floor));
  return {
    case: plan.name,
    steps: workflow.steps,
    rounds,
    runs,
    stepsPerSecond: 1e6 / subject.wallUs,
    floorStepsPerSecond: 1e6 / floor.wallUs,
    ratio: median(measured.map((round) => round.floor.wallUs / round.subject.wallUs)),
    subject,
    floor,
  };
}

/** @param work answers the milliseconds it took */
async function costsOf(bench: Bench, steps: number, work: () => Promise<number>): Promise<Costs> {
  const before = await readMeters(bench);
  const wallMs = await work();
  const after = await readMeters(bench);
  const perStep = (read: (meters: Meters) => number): number => (read(after) - read(before)) / steps;
  return {
    wallUs: (wallMs * 1_000) / steps,
    serverCpuUs: perStep(({ server }) => server),
    loadCpuUs: perStep(({ load }) => load),
    postgresCpuUs: before.postgres.cpuUs === null ? null : perStep(({ postgres }) => postgres.cpuUs ?? 0),
    transactions: perStep(({ postgres }) => postgres.transactions),
    walBytes: perStep(({ postgres }) => postgres.walBytes),
  };
}

type Meters = Awaited<ReturnType<typeof readMeters>>;

async function readMeters({ server, load, meter }: Bench) {
  const [serverCpuUs, loadCpuUs] = [await server.ask("cpuUs", undefined), await load.ask("cpuUs", undefined)];
  return { server: serverCpuUs, load: loadCpuUs, postgres: await meter.read() };
}

function medianCosts(costs: readonly Costs[]): Costs {
  const of = (read: (each: Costs) => number): number => median(costs.map(read));
  return {
    wallUs: of(({ wallUs }) => wallUs),
    serverCpuUs: of(({ serverCpuUs }) => serverCpuUs),
    loadCpuUs: of(({ loadCpuUs }) => loadCpuUs),
    postgresCpuUs: costs[0]!.postgresCpuUs === null ? null : of(({ postgresCpuUs }) => postgresCpuUs ?? 0),
    transactions: of(({ transactions }) => transactions),
    walBytes: of(({ walBytes }) => walBytes),
  };
}
