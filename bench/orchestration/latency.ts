import { quantile } from "../support/statistics.ts";
import { single } from "../support/workflows.ts";
import type { StartLatency } from "./load.ts";
import type { Bench } from "./measure.ts";

export interface Quantiles {
  readonly p50: number;
  readonly p95: number;
}

/** Milliseconds; see `StartLatency`. */
export interface LatencyRow extends Readonly<Record<keyof StartLatency, Quantiles>> {
  readonly case: "latency";
  readonly runs: number;
}

const WARM_UP_RUNS = 20;
const MAX_RUN_MS = 1_000;

/** Single-step runs on a server that does nothing else. */
export async function measureLatency({ load }: Bench, runs: number): Promise<LatencyRow> {
  const workflowId = await load.ask("deploy", { source: single().source });
  await load.ask("startLatencies", { workflowId, runs: WARM_UP_RUNS });
  const sample = await load.ask("startLatencies", { workflowId, runs }, runs * MAX_RUN_MS);
  const quantiles = (key: keyof StartLatency): Quantiles => {
    const values = sample.map((each) => each[key]);
    return { p50: quantile(values, 0.5), p95: quantile(values, 0.95) };
  };
  return {
    case: "latency",
    runs,
    received: quantiles("received"),
    started: quantiles("started"),
    sentToAnswered: quantiles("sentToAnswered"),
    sentToReceived: quantiles("sentToReceived"),
  };
}
