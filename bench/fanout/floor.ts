import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { type WebSocket, WebSocketServer } from "ws";
import { restingMemory } from "../support/resting-memory.ts";
import { ownCpuUs, serveParent } from "../support/worker.ts";
import { atPace, type Pace } from "./pace.ts";
import { FIXED_OPERATION, retold } from "./stream-text.ts";

/** The least a server of WebSockets can do: send one buffer to all of them. */

const ACKNOWLEDGED = JSON.stringify({ type: "connection_ack" });
const CAUGHT_UP = JSON.stringify({
  id: FIXED_OPERATION,
  type: "next",
  payload: { data: { runEvents: { __typename: "CaughtUp", cursor: "" } } },
});

const subscribers = new Set<WebSocket>();
let sockets: WebSocketServer | undefined;

const handlers = {
  async start(): Promise<string> {
    sockets = new WebSocketServer({ host: "127.0.0.1", port: 0, backlog: 4_096 });
    sockets.on("connection", accept);
    await once(sockets, "listening");
    return `ws://127.0.0.1:${(sockets.address() as AddressInfo).port}/graphql`;
  },
  async tell({ pace, recorded }: { pace: Pace; recorded: readonly string[] }) {
    await atPace(pace, (from, count) => {
      for (let seq = from; seq < from + count; seq++) send(Buffer.from(retold(recorded, seq)));
    });
  },
  cpuUs: ownCpuUs,
  restingMemory,
};
export type FloorHandlers = typeof handlers;

serveParent(handlers, async () => sockets?.close());

/** Just enough of graphql-transport-ws for the same clients. */
function accept(socket: WebSocket): void {
  socket.on("error", () => socket.terminate());
  socket.on("close", () => subscribers.delete(socket));
  socket.on("message", (data) => {
    const { type } = JSON.parse(String(data)) as { type: string };
    if (type === "connection_init") socket.send(ACKNOWLEDGED);
    if (type !== "subscribe") return;
    subscribers.add(socket);
    socket.send(CAUGHT_UP);
  });
}

function send(message: Buffer): void {
  for (const socket of subscribers) socket.send(message, { binary: false });
}
