import { setTimeout } from "node:timers/promises";
import { createRuncastClient, type RuncastClient } from "../../src/client/runcast-client.ts";
import { checkSucceeded, deployWorkflow, triggerRun } from "../support/runs.ts";
import type { ServerAddress } from "../support/server.ts";
import { ownCpuUs, serveParent } from "../support/worker.ts";
import { Floor } from "./floor.ts";
import { NoopRunner } from "./noop-runner.ts";
import { Progress } from "./progress.ts";

/** The load, in a process of its own: clients and a runner of the server, and the floor's loop. */

interface Load {
  readonly client: RuncastClient;
  readonly runner: NoopRunner;
  readonly progress: Progress;
  readonly floor: Floor;
}

/** Milliseconds of one single-step run; the first two count from the answer to the trigger, which follows its commit. */
export interface StartLatency {
  readonly received: number;
  readonly started: number;
  readonly sentToAnswered: number;
  readonly sentToReceived: number;
}

let load: Load | undefined;

const handlers = {
  async connect({ url, credentials, databaseUrl }: ServerAddress & { databaseUrl: string }) {
    const progress = new Progress();
    load = {
      client: createRuncastClient({ url, token: credentials.admin }),
      runner: await NoopRunner.start({ url, token: credentials.runner, events: progress }),
      progress,
      floor: await Floor.open(databaseUrl),
    };
  },
  deploy,
  async seedFloor({ tasks }: { tasks: number }) {
    await connected().floor.seed(tasks);
  },
  async drainFloor(): Promise<number> {
    const begin = performance.now();
    await connected().floor.drain();
    return performance.now() - begin;
  },
  executeRuns,
  startLatencies,
  cpuUs: ownCpuUs,
};
export type LoadHandlers = typeof handlers;

serveParent(handlers, async () => {
  load?.runner.stop();
  await load?.floor.close();
});

function connected(): Load {
  if (load === undefined) throw new Error("connect comes first");
  return load;
}

/** @returns the workflow's id */
async function deploy({ source }: { source: string }): Promise<string> {
  return await deployWorkflow(connected().client, source);
}

async function trigger(workflowId: string): Promise<string> {
  return await triggerRun(connected().client, workflowId);
}

/**
 * Runs the workflow some times, one after the other.
 * @returns milliseconds from the first trigger to the last applied report
 */
async function executeRuns(input: { workflowId: string; steps: number; runs: number }): Promise<number> {
  const { progress } = connected();
  const begin = performance.now();
  let runId = "";
  for (let run = 0; run < input.runs; run++) {
    [runId] = await Promise.all([trigger(input.workflowId), progress.expect(input.steps).ended]);
  }
  const wallMs = performance.now() - begin;
  await checkSucceeded(connected().client, runId);
  return wallMs;
}

/** Long enough for the runner's next claim to be waiting again. */
const IDLE_MS = 20;

async function startLatencies(input: { workflowId: string; runs: number }): Promise<StartLatency[]> {
  const { progress, runner } = connected();
  const latencies: StartLatency[] = [];
  runner.startsFirst = true;
  for (let run = 0; run < input.runs; run++) {
    await setTimeout(IDLE_MS);
    const moments = progress.expect(1);
    const sent = performance.now();
    const trace = trigger(input.workflowId).then(() => performance.now());
    const [answered] = await Promise.all([trace, moments.ended]);
    latencies.push({
      received: moments.received - answered,
      started: moments.started - answered,
      sentToAnswered: answered - sent,
      sentToReceived: moments.received - sent,
    });
  }
  runner.startsFirst = false;
  return latencies;
}
