import type { Subscribers } from "./deliveries.ts";
import type { Pace } from "./pace.ts";
import type { Target } from "./targets.ts";

const CONNECT_MS = 600_000;
const TELL_MS = 600_000;
/** Subscribers that come and go before anything is counted, so that what is made once is there. */
const FIRST_SUBSCRIBERS = 100;

/** @returns bytes of memory that each of `subscribers` costs while nothing happens */
export async function idleBytes(target: Target, load: Subscribers, subscribers: number): Promise<number> {
  const address = await target.begin(0);
  const connect = async (count: number): Promise<void> => {
    await load.ask("connect", { ...address, subscribers: count, events: 0 }, CONNECT_MS);
    await target.followed(count);
  };
  await connect(FIRST_SUBSCRIBERS);
  await load.ask("leave", undefined);
  const before = await target.restingRss();
  await connect(subscribers);
  const after = await target.restingRss();
  await load.ask("leave", undefined);
  await target.end();
  return (after - before) / subscribers;
}

export interface NeverReading {
  /** Growth of the server's memory from before the events until after them, per client. */
  readonly bytes: number;
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
  const tellTo = async (stalled: number): Promise<number> => {
    const address = await target.begin(pace.events);
    await load.ask("connect", { ...address, subscribers: 1 + stalled, events: pace.events }, CONNECT_MS);
    await target.followed(1 + stalled);
    const before = await target.restingRss();
    // Only now: whoever does not answer the server's pings is closed after a while.
    await load.ask("pause", { reading: 1 });
    await Promise.all([
      target.tell(pace, recorded, TELL_MS),
      load.ask("haveAll", { subscribers: 1 }, TELL_MS),
    ]);
    return (await target.restingRss()) - before;
  };
  // What telling leaves behind by itself is there before it is measured.
  await tellTo(0);
  await load.ask("leave", undefined);
  await target.end();
  const growth = await tellTo(clients);
  const { complete, closures } = await load.ask("resume", undefined, TELL_MS);
  const texts = await load.ask("recorded", undefined);
  await load.ask("leave", undefined);
  await target.end();
  return { bytes: growth / clients, complete: complete - 1, closures, texts };
}
