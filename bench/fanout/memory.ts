import type { Subscribers } from "./deliveries.ts";
import type { Pace } from "./pace.ts";
import type { Target } from "./targets.ts";

const CONNECT_MS = 600_000;
const TELL_MS = 600_000;
/** Subscribers that come and go before anything is counted, so that what is made once is there. */
const FIRST_SUBSCRIBERS = 100;
/** Of collecting garbage: clients who hang are closed soon, and count as long as they are there. */
const FEW_TURNS = 4;

/** @returns bytes of memory that each of `subscribers` costs while nothing happens */
export async function idleBytes(target: Target, load: Subscribers, subscribers: number): Promise<number> {
  const address = await target.begin(0);
  const connect = async (count: number): Promise<void> => {
    await load.ask("connect", { ...address, subscribers: count, events: 0 }, CONNECT_MS);
    await target.followed(count);
  };
  await connect(FIRST_SUBSCRIBERS);
  await load.ask("leave", undefined);
  const before = await target.restingMemory();
  await connect(subscribers);
  const after = await target.restingMemory();
  await load.ask("leave", undefined);
  await target.end();
  return (after.rss - before.rss) / subscribers;
}

interface Growth {
  /** Of the memory that the server refers to, from before the clients came until after the events. */
  readonly bytes: number;
  /** Of its resident set, which telling events alone moves by some megabytes. */
  readonly rss: number;
  /** From the one moment to the other: a server that pings closes clients who hang some time after. */
  readonly seconds: number;
}

/** Per client. */
export interface NeverReading extends Growth {
  /** Clients that had all events once they read again. */
  readonly complete: number;
  /** The others: sockets that the server closed, by "code reason". */
  readonly closures: Readonly<Record<string, number>>;
  /** What the reading one was sent. */
  readonly texts: readonly string[];
}

export interface NeverReadingPlan {
  readonly clients: number;
  readonly pace: Pace;
  readonly recorded: readonly string[];
}

/** Clients that subscribe and then do not read, beside one that reads and has to get everything. */
export async function neverReading(
  target: Target,
  load: Subscribers,
  { clients, pace, recorded }: NeverReadingPlan,
): Promise<NeverReading> {
  const tellTo = async (stalled: number): Promise<Growth> => {
    const address = await target.begin(pace.events);
    const before = await target.restingMemory();
    const begin = performance.now();
    await load.ask("connect", { ...address, subscribers: 1 + stalled, events: pace.events }, CONNECT_MS);
    await target.followed(1 + stalled);
    await load.ask("pause", { reading: 1 });
    await Promise.all([
      target.tell(pace, recorded, TELL_MS),
      load.ask("haveAll", { subscribers: 1 }, TELL_MS),
    ]);
    const after = await target.restingMemory(FEW_TURNS);
    const [bytes, rss] = [after.live - before.live, after.rss - before.rss];
    return { bytes, rss, seconds: (performance.now() - begin) / 1_000 };
  };
  // What telling leaves behind by itself is there before it is measured.
  await tellTo(0);
  await load.ask("leave", undefined);
  await target.end();
  const { bytes, rss, seconds } = await tellTo(clients);
  const { complete, closures } = await load.ask("resume", undefined, TELL_MS);
  const texts = await load.ask("recorded", undefined);
  await load.ask("leave", undefined);
  await target.end();
  return { bytes: bytes / clients, rss: rss / clients, seconds, complete: complete - 1, closures, texts };
}
