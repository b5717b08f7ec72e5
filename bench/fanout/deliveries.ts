import { setTimeout } from "node:timers/promises";
import { interrupted } from "../support/interrupt.ts";
import { median, quantile } from "../support/statistics.ts";
import type { Worker } from "../support/worker.ts";
import type { Pace } from "./pace.ts";
import type { SubscribersHandlers } from "./subscribers.ts";
import type { Target, Targets } from "./targets.ts";

export type Subscribers = Worker<SubscribersHandlers>;

export interface DeliveriesPlan {
  readonly subscribers: number;
  readonly pace: Pace;
  readonly rounds: number;
}

/** CPU microseconds of the server, unless said otherwise; per delivery. */
export interface DeliveryCosts {
  /** What deliveries cost: all of it without what follows. */
  readonly netUs: number;
  readonly grossUs: number;
  /** Subscribers that are there and are told nothing. */
  readonly idleUs: number;
  /** Events that nobody listens to. */
  readonly producingUs: number;
  /** Of the process of all subscribers. */
  readonly loadUs: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly messageBytes: number;
}

export interface DeliveriesResult {
  readonly plan: DeliveriesPlan;
  readonly subject: DeliveryCosts;
  readonly floor: DeliveryCosts;
  readonly peer: DeliveryCosts;
  /** Medians of the rounds' own ratios: rounds of a noisy machine differ, their parts differ less. */
  readonly ratioFloor: number;
  readonly ratioPeer: number;
}

/** Long enough for what a server does every 5 seconds. */
const IDLE_MS = 5_500;
/** An event that is delivered twice comes within this. */
const DOUBLED_MS = 1_500;
const CONNECT_MS = 600_000;
const ROUND_MS = 120_000;
const DELIVERY_MS = 5;

/** Subject, floor and peer take turns, round by round. The first round warms up and is not counted. */
export async function measureDeliveries(
  targets: Targets,
  load: Subscribers,
  plan: DeliveriesPlan,
): Promise<DeliveriesResult> {
  const rounds: Record<Target["name"], DeliveryCosts>[] = [];
  let recorded: readonly string[] = [];
  const measure = async (target: Target): Promise<DeliveryCosts> => {
    const { costs, texts } = await measureRound(target, load, plan, recorded);
    if (target === targets.subject) recorded = texts;
    return costs;
  };
  for (let round = 0; round <= plan.rounds; round++) {
    const subject = await measure(targets.subject);
    const floor = await measure(targets.floor);
    const peer = await measure(targets.peer);
    const costs = [subject, floor, peer].map(({ netUs }) => netUs.toFixed(2)).join(", ");
    console.error(
      `round ${round} of ${plan.rounds}${round === 0 ? " (warm-up)" : ""}: ${costs} us a delivery`,
    );
    if (round > 0) rounds.push({ subject, floor, peer });
  }
  return {
    plan,
    subject: medianOf(rounds.map(({ subject }) => subject)),
    floor: medianOf(rounds.map(({ floor }) => floor)),
    peer: medianOf(rounds.map(({ peer }) => peer)),
    ratioFloor: median(rounds.map(({ subject, floor }) => subject.netUs / floor.netUs)),
    ratioPeer: median(rounds.map(({ subject, peer }) => peer.netUs / subject.netUs)),
  };
}

interface Round {
  readonly costs: DeliveryCosts;
  readonly texts: readonly string[];
}

async function measureRound(
  target: Target,
  load: Subscribers,
  { subscribers, pace }: DeliveriesPlan,
  recorded: readonly string[],
): Promise<Round> {
  const deliveries = subscribers * pace.events;
  const timeoutMs = ROUND_MS + pace.events * pace.intervalMs + deliveries * DELIVERY_MS;
  const producing = target.produces ? await costOfProducing(target, pace, timeoutMs) : 0;

  const address = await target.begin(pace.events);
  await load.ask("connect", { ...address, subscribers, events: pace.events }, CONNECT_MS);
  await target.followed(subscribers);
  const idle = await windowOf(target, pause);
  const loadBefore = await load.ask("cpuUs", undefined);
  const active = await windowOf(target, async () => {
    const told = target.tell(pace, recorded, timeoutMs);
    await Promise.all([told, load.ask("haveAll", {}, timeoutMs)]);
  });
  const loadUs = (await load.ask("cpuUs", undefined)) - loadBefore;
  await setTimeout(DOUBLED_MS, undefined, { signal: interrupted });
  const { latencies, messageBytes } = await load.ask("heard", undefined);
  const texts = await load.ask("recorded", undefined);
  await load.ask("leave", undefined);
  await target.end();

  const idleUs = (idle.cpuUs / idle.wallMs) * active.wallMs;
  const costs = {
    netUs: (active.cpuUs - idleUs - producing) / deliveries,
    grossUs: active.cpuUs / deliveries,
    idleUs: idleUs / deliveries,
    producingUs: producing / deliveries,
    loadUs: loadUs / deliveries,
    p50Ms: quantile(latencies, 0.5),
    p99Ms: quantile(latencies, 0.99),
    messageBytes,
  };
  return { costs, texts };
}

/** CPU time that events cost without subscribers, and without what the idle server uses. */
async function costOfProducing(target: Target, pace: Pace, timeoutMs: number): Promise<number> {
  await target.begin(pace.events);
  const idle = await windowOf(target, pause);
  const busy = await windowOf(target, async () => await target.tell(pace, [], timeoutMs));
  await target.end();
  return busy.cpuUs - (idle.cpuUs / idle.wallMs) * busy.wallMs;
}

async function pause(): Promise<void> {
  await setTimeout(IDLE_MS, undefined, { signal: interrupted });
}

async function windowOf(
  target: Target,
  work: () => Promise<void>,
): Promise<{ readonly cpuUs: number; readonly wallMs: number }> {
  const before = await target.cpuUs();
  const begin = performance.now();
  await work();
  const cpuUs = (await target.cpuUs()) - before;
  return { cpuUs, wallMs: performance.now() - begin };
}

function medianOf(rounds: readonly DeliveryCosts[]): DeliveryCosts {
  const of = (key: keyof DeliveryCosts): number => median(rounds.map((round) => round[key]));
  return {
    netUs: of("netUs"),
    grossUs: of("grossUs"),
    idleUs: of("idleUs"),
    producingUs: of("producingUs"),
    loadUs: of("loadUs"),
    p50Ms: of("p50Ms"),
    p99Ms: of("p99Ms"),
    messageBytes: of("messageBytes"),
  };
}
