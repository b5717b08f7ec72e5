import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { setTimeout } from "node:timers/promises";
import { RedisPubSub } from "graphql-redis-subscriptions";
import { useServer as serveProtocol } from "graphql-ws/use/ws";
import { WebSocketServer } from "ws";
import { restingMemory } from "../support/resting-memory.ts";
import { ownCpuUs, serveParent } from "../support/worker.ts";
import { peerSchema } from "./peer-schema.ts";

/** The stack as its documentation shows it: graphql-ws, graphql-redis-subscriptions and graphql-js. */

const SUBSCRIBE_MS = 60_000;
const LOOK_MS = 20;

/** Knows how many subscribers it has: neither package tells a client when its subscription has begun. */
class CountingPubSub extends RedisPubSub {
  subscribers = 0;

  override async subscribe<T>(
    trigger: string,
    onMessage: (message: T) => void,
    options?: unknown,
  ): Promise<number> {
    const id = await super.subscribe(trigger, onMessage, options);
    this.subscribers++;
    return id;
  }

  override unsubscribe(id: number): void {
    super.unsubscribe(id);
    this.subscribers--;
  }
}

let pubsub: CountingPubSub | undefined;
let sockets: WebSocketServer | undefined;

const handlers = {
  async start({ redisUrl }: { redisUrl: string }): Promise<string> {
    pubsub = new CountingPubSub({ connection: redisUrl });
    sockets = new WebSocketServer({ host: "127.0.0.1", port: 0, path: "/graphql", backlog: 4_096 });
    serveProtocol({ schema: peerSchema(pubsub) }, sockets);
    await once(sockets, "listening");
    return `ws://127.0.0.1:${(sockets.address() as AddressInfo).port}/graphql`;
  },
  async subscribed({ count }: { count: number }): Promise<void> {
    const deadline = performance.now() + SUBSCRIBE_MS;
    while (pubsub!.subscribers !== count) {
      if (performance.now() > deadline) {
        const seen = `the peer had ${pubsub!.subscribers} subscribers and not ${count}`;
        throw new Error(`${seen} after ${SUBSCRIBE_MS} ms`);
      }
      await setTimeout(LOOK_MS);
    }
  },
  cpuUs: ownCpuUs,
  restingMemory,
};
export type PeerHandlers = typeof handlers;

// Nothing to close: RedisPubSub fails when it is closed while its subscribers leave, and the process ends anyway.
serveParent(handlers, async () => undefined);
