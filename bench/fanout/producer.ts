import { RedisPubSub } from "graphql-redis-subscriptions";
import type { ServerAddress } from "../support/server.ts";
import { serveParent } from "../support/worker.ts";
import { createReaders } from "./accounts.ts";
import { atPace, type Pace } from "./pace.ts";
import { TOPIC } from "./peer-schema.ts";
import { RunTeller } from "./run-teller.ts";
import { retold } from "./stream-text.ts";

/** Makes the events, in a process of its own: neither a busy server nor busy subscribers slow it. */

let teller: RunTeller | undefined;
let pubsub: RedisPubSub | undefined;

const handlers = {
  async connect({ redisUrl, ...address }: ServerAddress & { redisUrl: string }) {
    teller = await RunTeller.open(address);
    pubsub = new RedisPubSub({ connection: redisUrl });
  },
  async createReaders({ count }: { count: number }): Promise<string[]> {
    return await createReaders(connected().client, count);
  },
  async beginRun({ events }: { events: number }): Promise<string> {
    return await connected().begin(events);
  },
  /** @returns how many requests had to be repeated */
  async tell(pace: Pace): Promise<number> {
    return await connected().tell(pace);
  },
  async endRun() {
    await connected().end();
  },
  async publish({ pace, recorded }: { pace: Pace; recorded: readonly string[] }) {
    await atPace(pace, async (from, count) => {
      for (let seq = from; seq < from + count; seq++) {
        const { payload } = JSON.parse(retold(recorded, seq)) as { payload: { data: unknown } };
        await pubsub!.publish(TOPIC, payload.data);
      }
    });
  },
};
export type ProducerHandlers = typeof handlers;

serveParent(handlers, async () => {
  teller?.stop();
  await pubsub?.close();
});

function connected(): RunTeller {
  if (teller === undefined) throw new Error("connect comes first");
  return teller;
}
