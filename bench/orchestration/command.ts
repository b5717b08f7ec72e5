import { availableParallelism } from "node:os";
import { Command, Option } from "commander";
import { MAX_STEPS } from "../../src/definitions/limits.ts";
import { createDatabase, openPostgres, openTemporaryFolder } from "../support/database.ts";
import { wholeNumber } from "../support/options.ts";
import { PostgresMeter } from "../support/postgres-meter.ts";
import type { ServerHandlers } from "../support/server.ts";
import { Worker } from "../support/worker.ts";
import { chains, wide } from "../support/workflows.ts";
import { type LatencyRow, measureLatency } from "./latency.ts";
import type { LoadHandlers } from "./load.ts";
import { type Bench, measureThroughput, type ThroughputRow } from "./measure.ts";
import { formatLatency, formatThroughput } from "./report.ts";

/** Runs of a round: enough for CPU time, which Linux counts in 10 ms, to be exact to a few percent. */
const THROUGHPUT_CASES = {
  wide: { runs: 5, workflow: (size = 1_000) => wide(size) },
  // With the first and the last step it is the largest workflow there can be.
  wide10k: { runs: 1, workflow: () => wide(MAX_STEPS - 2) },
  chains: { runs: 3, workflow: (size = 50) => chains(size) },
} as const;
type ThroughputCase = keyof typeof THROUGHPUT_CASES;

interface Options {
  readonly case: readonly (ThroughputCase | "latency")[];
  readonly rounds: number;
  readonly steps?: number;
  readonly latencyRuns: number;
  readonly profile?: string;
  readonly json: boolean;
}

export function orchestrationCommand(): Command {
  return new Command("orchestration")
    .description(
      "No-op steps through the server's runner protocol, against a bare claim-and-acknowledge loop on the same PostgreSQL, and the time from a trigger to the first start.",
    )
    .addOption(
      new Option("--case <name...>", "what to measure")
        .choices([...Object.keys(THROUGHPUT_CASES), "latency"])
        .default(["wide", "latency"]),
    )
    .option("--rounds <number>", "rounds of subject and floor; the result is their median", wholeNumber, 5)
    .option("--steps <number>", "width of `wide` (1000), number of `chains` (50)", wholeNumber)
    .option("--latency-runs <number>", "runs whose start is timed", wholeNumber, 200)
    .option("--profile <folder>", "write a CPU profile of the server there")
    .option("--json", "print the rows as JSON on the last line", false)
    .addHelpText(
      "after",
      "\nBENCH_DATABASE_URL: use this PostgreSQL server, in a database that is dropped in the end.",
    )
    .action(run);
}

async function run(options: Options): Promise<void> {
  using folder = openTemporaryFolder();
  await using postgres = await openPostgres(folder.path);
  await using database = await createDatabase(postgres);
  await using meter = await PostgresMeter.open(database.url);
  const profiling = options.profile === undefined ? [] : ["--cpu-prof", `--cpu-prof-dir=${options.profile}`];
  await using server = new Worker<ServerHandlers>(
    new URL("../support/server.ts", import.meta.url),
    profiling,
  );
  await using load = new Worker<LoadHandlers>(new URL("./load.ts", import.meta.url));

  const address = await server.ask("start", { databaseUrl: database.url, folder: folder.path });
  await load.ask("connect", { ...address, databaseUrl: database.url });
  const version = `PostgreSQL ${await meter.version()} (${postgres.kind})`;
  console.log(`${version}, Node ${process.versions.node}, ${availableParallelism()} CPUs`);
  const rows = await measure({ server, load, meter }, options);
  if (options.json) console.log(JSON.stringify({ area: "orchestration", rows }));
}

async function measure(bench: Bench, options: Options): Promise<(ThroughputRow | LatencyRow)[]> {
  const rows: (ThroughputRow | LatencyRow)[] = [];
  for (const name of options.case) {
    if (name === "latency") {
      const row = await measureLatency(bench, options.latencyRuns);
      console.log(`\n${formatLatency(row)}`);
      rows.push(row);
    } else {
      const { runs, workflow } = THROUGHPUT_CASES[name];
      const plan = { name, workflow: workflow(options.steps), rounds: options.rounds, runs };
      const row = await measureThroughput(bench, plan);
      console.log(`\n${formatThroughput(row)}`);
      rows.push(row);
    }
  }
  return rows;
}
