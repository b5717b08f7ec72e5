import { availableParallelism } from "node:os";
import { Command, InvalidArgumentError, Option } from "commander";
import { createDatabase, openPostgres, openTemporaryFolder } from "../support/database.ts";
import { wholeNumber } from "../support/options.ts";
import { openRedis } from "../support/redis.ts";
import { Worker } from "../support/worker.ts";
import { measureDeliveries } from "./deliveries.ts";
import { idleBytes, neverReading } from "./memory.ts";
import {
  deliveriesRow,
  type FanoutRow,
  formatDeliveries,
  formatIdle,
  formatNeverReading,
  idleRow,
  neverReadingRow,
} from "./report.ts";
import type { SubscribersHandlers } from "./subscribers.ts";
import { openTargets, type Target, type TargetsOptions } from "./targets.ts";

const CASES = ["deliveries", "idle", "never-reading"] as const;

interface Options {
  readonly case: readonly (typeof CASES)[number][];
  readonly subscribers: readonly number[];
  readonly events: number;
  readonly interval: number;
  readonly rounds?: number;
  readonly idleSubscribers: number;
  readonly stalledClients: number;
  readonly stalledEvents: number;
  readonly profile?: string;
  readonly json: boolean;
}

/** A round of so many takes minutes, and so many deliveries leave little to chance. */
const MANY = 5_000;
const ROUNDS = 5;
const ROUNDS_OF_MANY = 3;

const LEAST_IDLE = 500;

export function fanoutCommand(): Command {
  return new Command("fanout")
    .description(
      "Events of one run to many subscribers, each with a WebSocket of its own: CPU time of the server per delivery, against ws.send of a prebuilt buffer and against graphql-ws with graphql-redis-subscriptions; and memory per subscriber.",
    )
    .addOption(new Option("--case <name...>", "what to measure").choices([...CASES]).default([...CASES]))
    .option("--subscribers <numbers>", "of deliveries, separated by commas", wholeNumbers, [1_000, MANY])
    .option("--events <number>", "of deliveries, in one round", wholeNumber, 200)
    .option("--interval <ms>", "from one event to the next", wholeNumber, 50)
    .option(
      "--rounds <number>",
      `rounds of subject, floor and peer; the result is their median (default: ${ROUNDS}, and ${ROUNDS_OF_MANY} from ${MANY} subscribers on)`,
      wholeNumber,
    )
    .option("--idle-subscribers <number>", `of idle, at least ${LEAST_IDLE}`, manyIdle, MANY)
    .option("--stalled-clients <number>", "of never-reading", wholeNumber, 100)
    .option("--stalled-events <number>", "of never-reading", wholeNumber, 10_000)
    .option("--profile <folder>", "write a CPU profile of the server of each case there")
    .option("--json", "print the rows as JSON on the last line", false)
    .addHelpText(
      "after",
      "\nBENCH_DATABASE_URL: use this PostgreSQL server, in a database that is dropped in the end.\nBENCH_REDIS_URL: use this Redis instead of an own redis-server.",
    )
    .action(run);
}

function manyIdle(text: string): number {
  const value = wholeNumber(text);
  if (value >= LEAST_IDLE) return value;
  throw new InvalidArgumentError(`of fewer than ${LEAST_IDLE} the memory is lost in that of the process`);
}

function wholeNumbers(text: string): number[] {
  return text.split(",").map(wholeNumber);
}

type Shared = Pick<TargetsOptions, "databaseUrl" | "redisUrl" | "folder" | "profile">;

async function run(options: Options): Promise<void> {
  using folder = openTemporaryFolder();
  await using redis = await openRedis(folder.path);
  await using postgres = await openPostgres(folder.path);
  await using database = await createDatabase(postgres);
  const { profile } = options;
  const shared = { databaseUrl: database.url, redisUrl: redis.url, folder: folder.path, profile };
  const machine = `Node ${process.versions.node}, ${availableParallelism()} CPUs`;
  console.log(`PostgreSQL ${postgres.kind}, Redis ${redis.kind}, ${machine}`);
  const rows: FanoutRow[] = [];
  for (const name of options.case) {
    if (name === "deliveries") {
      for (const count of options.subscribers) rows.push(await runDeliveries(shared, count, options));
    } else {
      rows.push(await (name === "idle" ? runIdle(shared, options) : runNeverReading(shared, options)));
    }
  }
  if (options.json) console.log(JSON.stringify({ area: "fanout", rows }));
}

function launchSubscribers(): Worker<SubscribersHandlers> {
  return new Worker<SubscribersHandlers>(new URL("./subscribers.ts", import.meta.url));
}

async function runDeliveries(shared: Shared, subscribers: number, options: Options): Promise<FanoutRow> {
  await using load = launchSubscribers();
  await using targets = await openTargets({ ...shared, subscribers });
  const rounds = options.rounds ?? (subscribers >= MANY ? ROUNDS_OF_MANY : ROUNDS);
  const pace = { events: options.events, batch: 1, intervalMs: options.interval };
  const result = await measureDeliveries(targets, load, { subscribers, pace, rounds });
  console.log(`\n${formatDeliveries(result)}`);
  return deliveriesRow(result);
}

async function runIdle(shared: Shared, { idleSubscribers: subscribers }: Options): Promise<FanoutRow> {
  await using load = launchSubscribers();
  await using targets = await openTargets({ ...shared, subscribers });
  const measure = async (target: Target): Promise<number> => await idleBytes(target, load, subscribers);
  const bytes = {
    subject: await measure(targets.subject),
    floor: await measure(targets.floor),
    peer: await measure(targets.peer),
  };
  console.log(`\n${formatIdle(subscribers, bytes)}`);
  return idleRow(subscribers, bytes);
}

/** In bursts: clients who hang are closed after a while, and this is about the time before. */
const BURST = { batch: 200, intervalMs: 50 };

async function runNeverReading(shared: Shared, options: Options): Promise<FanoutRow> {
  const { stalledClients: clients, stalledEvents: events } = options;
  await using load = launchSubscribers();
  await using targets = await openTargets({ ...shared, subscribers: clients + 1 });
  const plan = { clients, pace: { events, ...BURST } };
  const subject = await neverReading(targets.subject, load, { ...plan, recorded: [] });
  const recorded = subject.texts;
  const sides = {
    subject,
    floor: await neverReading(targets.floor, load, { ...plan, recorded }),
    peer: await neverReading(targets.peer, load, { ...plan, recorded }),
  };
  console.log(`\n${formatNeverReading(clients, events, sides)}`);
  return neverReadingRow(clients, sides);
}
