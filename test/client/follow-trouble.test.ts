import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { GraphQLError } from "graphql";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { WebSocketServer } from "ws";
import {
  createRuncastClient,
  type Retry,
  RuncastConnectionError,
  RuncastRequestError,
} from "../../src/client/runcast-client.ts";
import {
  clientOf,
  collect,
  failureOf,
  followTicks,
  TICKS,
  type TickOptions,
  ticksOf,
  until,
  upTo,
} from "./following.ts";
import { type Message, StreamServer } from "./stream-server.ts";

let server: StreamServer;
beforeEach(async () => {
  server = await StreamServer.start();
});
afterEach(() => server.stop());

const createClient = (token = "good", url = server.url) => clientOf(url, token);
const follow = (options: TickOptions = {}, client = createClient()) => followTicks(client, options);

describe("a silent connection", () => {
  afterEach(() => {
    vi.useRealTimers();
  });

  it.each(["never acknowledges", "stops answering pings"])(
    "is given up when the server %s",
    async (fault) => {
      vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
      const mute = new WebSocketServer({ port: 0, host: "127.0.0.1" });
      await once(mute, "listening");
      let received = 0;
      mute.on("connection", (socket) => {
        socket.on("message", () => received++);
        if (fault === "stops answering pings") socket.send('{"type":"connection_ack"}');
      });
      const url = `http://127.0.0.1:${(mute.address() as AddressInfo).port}`;
      const retries: Retry[] = [];
      const stream = follow({ onRetry: (retry) => retries.push(retry) }, createClient("good", url));
      const next = stream.next();
      const opening = fault === "never acknowledges" ? 1 : 2;
      while (received < opening) await new Promise((resolve) => setImmediate(resolve));
      await vi.advanceTimersByTimeAsync(9_000);
      expect(retries).toEqual([]);
      await vi.advanceTimersByTimeAsync(11_000);
      expect(retries.length).toBeGreaterThan(0);
      await stream.return!();
      await next;
      for (const client of mute.clients) client.terminate();
      await new Promise((resolve) => mute.close(resolve));
    },
  );
});

describe("the end of a stream by the server", () => {
  it("is an error with the close code when the token is refused", async () => {
    const error = await failureOf(collect(follow({}, createClient("stale"))));
    expect(error).toBeInstanceOf(RuncastConnectionError);
    expect(error).toMatchObject({ closeCode: 4401 });
    expect(server.connections).toBe(1);
  });

  it("comes behind the messages that had arrived when the token ends", async () => {
    server.history.emit(3);
    const stream = follow();
    await stream.next();
    await until(() => server.sent === 4);
    server.close(4403, "token revoked");
    await until(() => server.openSockets === 0);
    const seen: Message[] = [];
    const error = await failureOf(collect(stream, (message) => seen.push(message)));
    expect(error).toMatchObject({ name: "RuncastConnectionError", closeCode: 4403 });
    expect((error as Error).message).toContain("token revoked");
    expect(seen.map(({ __typename }) => __typename)).toEqual(["Tick", "Tick", "CaughtUp"]);
    expect(server.connections).toBe(1);
  });

  it("is a request error when the operation is refused", async () => {
    server.refuse = () => new GraphQLError("no such run", { extensions: { code: "NOT_FOUND" } });
    const error = await failureOf(collect(follow()));
    expect(error).toBeInstanceOf(RuncastRequestError);
    expect(error).toMatchObject({ codes: ["NOT_FOUND"], status: null });
  });

  it("is retried from its position when the server is busy", async () => {
    server.history.emit(2);
    server.refuse = () => new GraphQLError("try again", { extensions: { code: "BUSY" } });
    const retries: Retry[] = [];
    const onRetry = (retry: Retry) => {
      retries.push(retry);
      server.refuse = null;
      server.history.finish();
    };
    expect(ticksOf(await collect(follow({ onRetry })))).toEqual(upTo(2));
    expect(retries).toMatchObject([{ code: 1013, attempt: 1 }]);
  });

  it("is resumed before a message that could not be resolved because the server is busy", async () => {
    server.history.emit(3);
    server.breakOn = 2;
    server.breakWith = "BUSY";
    const onRetry = () => {
      server.breakOn = null;
      server.history.finish();
    };
    expect(ticksOf(await collect(follow({ onRetry })))).toEqual(upTo(3));
    expect(server.subscriptions[1]?.after).toEqual({ cursor: "c1" });
  });

  it("is a request error when a message could not be resolved", async () => {
    server.history.emit(3);
    server.breakOn = 2;
    const seen: Message[] = [];
    const error = await failureOf(collect(follow(), (message) => seen.push(message)));
    expect(error).toMatchObject({ name: "RuncastRequestError", message: "resolver broke" });
    expect(ticksOf(seen)).toEqual([1]);
    await until(() => server.openSockets === 0);
  });
});

describe("a Reset", () => {
  it("is announced and handed out in its place, and the stream goes on behind it", async () => {
    server.history.emit(4);
    const order: string[] = [];
    const messages = await collect(
      follow({ onReset: ({ reason }) => order.push(`onReset ${reason}`) }),
      ({ __typename, n }) => {
        order.push(n === undefined ? __typename : `tick ${n}`);
        if (__typename === "CaughtUp" && server.history.oldest === 0) {
          server.history.emit(5);
          server.history.oldest = 7;
          server.kill();
        }
        if (n === 9) server.history.finish();
      },
    );
    expect(ticksOf(messages).slice(-2)).toEqual([8, 9]);
    const at = order.indexOf("onReset RETENTION");
    expect(order.slice(at)).toEqual(["onReset RETENTION", "Reset", "tick 8", "tick 9", "CaughtUp"]);
  });
});

describe("a consumer that cannot keep up", () => {
  it("holds a bounded number of messages, loses the socket and still sees everything once", async () => {
    server.history.emit(6_000);
    const stream = follow();
    expect((await stream.next()).value).toMatchObject({ n: 1 });
    await until(() => server.openSockets === 0);
    expect(server.sent).toBeLessThan(3_000);
    const messages = await collect(stream, ({ n }) => {
      if (n === 6_000) server.history.finish();
    });
    expect(ticksOf(messages)).toEqual(upTo(6_000).slice(1));
    expect(server.subscriptions.length).toBeGreaterThan(1);
  });
});

describe("a document that cannot be followed", () => {
  it("is refused when it takes no position", () => {
    expect(() => follow({ positionVariable: "since" })).toThrow("must declare $since");
  });

  it("is refused when its messages have no cursor", async () => {
    server.history.emit(1);
    const query = TICKS.replace("cursor", "");
    await expect(follow({ query }).next()).rejects.toThrow("must select __typename and cursor");
  });

  it("may name its position variable as it likes", async () => {
    server.history.emit(3);
    const query = TICKS.replaceAll("$after", "$since");
    const variables = { topic: "b", since: { at: "START" } };
    const messages = await collect(follow({ query, variables, positionVariable: "since" }), ({ n }) => {
      if (n === 2) server.kill();
      if (n === 3) server.history.finish();
    });
    expect(ticksOf(messages)).toEqual(upTo(3));
  });

  it("needs a WebSocket implementation", async () => {
    vi.stubGlobal("WebSocket", undefined);
    const client = createRuncastClient({ url: server.url, token: "good" });
    await expect(follow({}, client).next()).rejects.toThrow(/WebSocket implementation missing/);
    vi.unstubAllGlobals();
  });
});
