import { type Column, formatTable } from "../support/table.ts";
import type { LatencyRow, Quantiles } from "./latency.ts";
import type { Costs, ThroughputRow } from "./measure.ts";

interface Line {
  readonly name: string;
  readonly stepsPerSecond: number;
  readonly costs: Costs;
}

const COSTS: readonly Column<Line>[] = [
  { title: "", value: ({ name }) => name },
  { title: "steps/s", value: ({ stepsPerSecond }) => stepsPerSecond },
  { title: "wall us", value: ({ costs }) => costs.wallUs, digits: 1 },
  { title: "server CPU us", value: ({ costs }) => costs.serverCpuUs, digits: 1 },
  { title: "PostgreSQL CPU us", value: ({ costs }) => costs.postgresCpuUs, digits: 1 },
  { title: "load CPU us", value: ({ costs }) => costs.loadCpuUs, digits: 1 },
  { title: "commits", value: ({ costs }) => costs.transactions, digits: 4 },
  { title: "WAL bytes", value: ({ costs }) => costs.walBytes },
];

export function formatThroughput(row: ThroughputRow): string {
  const lines = [
    { name: row.case, stepsPerSecond: row.stepsPerSecond, costs: row.subject },
    { name: "floor", stepsPerSecond: row.floorStepsPerSecond, costs: row.floor },
  ];
  const title = `${row.case}: ${row.runs} runs of ${row.steps} steps a round, ${row.rounds} rounds; medians, per step`;
  return `${title}\n${formatTable(COSTS, lines)}\nratio to the floor: ${row.ratio.toFixed(3)}`;
}

interface Span extends Quantiles {
  readonly name: string;
}

const SPANS: readonly Column<Span>[] = [
  { title: "", value: ({ name }) => name },
  { title: "p50 ms", value: ({ p50 }) => p50, digits: 2 },
  { title: "p95 ms", value: ({ p95 }) => p95, digits: 2 },
];

export function formatLatency(row: LatencyRow): string {
  const spans = [
    { name: "trigger answered -> runner has the task", ...row.received },
    { name: "trigger answered -> start applied", ...row.started },
    { name: "trigger sent -> trigger answered", ...row.sentToAnswered },
    { name: "trigger sent -> runner has the task", ...row.sentToReceived },
  ];
  return `latency: ${row.runs} single-step runs on an idle server\n${formatTable(SPANS, spans)}`;
}
