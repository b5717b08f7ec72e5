import { GraphQLError } from "graphql";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Retry, TokenSource } from "../../src/client/runcast-client.ts";
import {
  clientOf,
  collect,
  failureOf,
  followTicks,
  TICKS,
  type TickOptions,
  TRANSPORTS,
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

describe.each(TRANSPORTS)("over %s", (transport) => {
  const client = (token: TokenSource = "good") => clientOf(server.url, token, transport);
  const follow = (options: TickOptions = {}, token?: TokenSource) => followTicks(client(token), options);

  it("each message is seen once, in order, however often the connection is cut", async () => {
    server.history.emit(60);
    const messages = await collect(follow(), ({ n = 0 }) => {
      if (n % 7 === 0) server.kill();
      if (n === 60) server.history.emit(20);
      if (n === 80) server.history.finish();
    });
    expect(ticksOf(messages)).toEqual(upTo(80));
    expect(messages.filter(({ __typename }) => __typename === "CaughtUp")).toHaveLength(1);
    expect(server.subscriptions.length).toBeGreaterThan(3);
    await until(() => server.openSockets === 0);
  });

  it("a restart of the server is survived", async () => {
    const { history, port } = server;
    history.emit(10);
    const retries: Retry[] = [];
    const messages = await collect(follow({ onRetry: (retry) => retries.push(retry) }), async ({ n }) => {
      if (n === 10) {
        await server.stop();
        history.emit(10);
        await until(() => retries.length >= 2);
        server = await StreamServer.start(history, port);
      }
      if (n === 20) history.finish();
    });
    expect(ticksOf(messages)).toEqual(upTo(20));
    expect(retries[0]).toMatchObject({ code: 1006, attempt: 1 });
  });

  it("leaving while waiting leaves nothing behind", async () => {
    const stream = follow();
    await stream.next();
    const waiting = stream.next();
    await stream.return!();
    expect(await waiting).toEqual({ done: true, value: undefined });
    await until(() => server.openSockets === 0);
  });

  it("a Reset is announced, and the stream goes on behind it", async () => {
    server.history.emit(9);
    server.history.oldest = 7;
    const reasons: unknown[] = [];
    const after = { cursor: "c2" };
    const variables = { topic: "a", after };
    const messages = await collect(
      follow({ variables, onReset: ({ reason }) => reasons.push(reason) }),
      ({ n }) => {
        if (n === 9) server.history.finish();
      },
    );
    expect(reasons).toEqual(["RETENTION"]);
    expect(ticksOf(messages)).toEqual([8, 9]);
  });

  it("a refused operation is a request error, and a busy server is asked again", async () => {
    server.refuse = () => new GraphQLError("no such run", { extensions: { code: "NOT_FOUND" } });
    expect(await failureOf(collect(follow()))).toMatchObject({
      name: "RuncastRequestError",
      codes: ["NOT_FOUND"],
    });
    server.refuse = () => new GraphQLError("try again", { extensions: { code: "BUSY" } });
    server.history.finish();
    const onRetry = () => {
      server.refuse = null;
    };
    expect(await collect(follow({ onRetry }))).toMatchObject([{ __typename: "CaughtUp" }]);
  });

  it("a Checkpoint moves the position and is shown only to who asks", async () => {
    server.history.emit(2);
    server.history.checkpoint();
    const once = async (options: TickOptions) => {
      const types: string[] = [];
      server.history.finished = false;
      await collect(follow(options), ({ __typename }) => {
        types.push(__typename);
        if (__typename !== "CaughtUp") return;
        server.history.finish();
        server.kill();
      });
      return types;
    };
    expect(await once({})).toEqual(["Tick", "Tick", "CaughtUp"]);
    expect(server.subscriptions.at(-1)!.after).toEqual({ cursor: "c3" });
    expect(await once({ checkpoints: true })).toEqual(["Tick", "Tick", "Checkpoint", "CaughtUp"]);
  });

  describe("a token that is not accepted", () => {
    it("is final when it is a text", async () => {
      const error = await failureOf(collect(follow({}, "stale")));
      expect(error).toMatchObject({ name: "RuncastConnectionError", closeCode: 4401 });
      expect(server.connections).toBe(1);
    });

    it("is exchanged once when a function makes it", async () => {
      server.history.emit(3);
      server.history.finish();
      const tokens = ["stale", "good"];
      expect(ticksOf(await collect(follow({}, async () => tokens.shift()!)))).toEqual(upTo(3));
      const make = vi.fn(() => "stale");
      expect(await failureOf(collect(follow({}, make)))).toMatchObject({ closeCode: 4401 });
      expect(make).toHaveBeenCalledTimes(2);
    });

    it("may end again after the new one was accepted", async () => {
      server.history.emit(2);
      let made = 0;
      const token = () => `token ${++made}`;
      server.acceptedToken = "token 1";
      const rotate = ({ n }: Message) => {
        if (n === undefined) return;
        if (made === 3) {
          server.history.finish();
          return;
        }
        server.acceptedToken = `token ${made + 1}`;
        server.breakOn = n + 1;
        server.breakWith = "UNAUTHENTICATED";
      };
      const messages = await collect(follow({ onRetry: () => (server.breakOn = null) }, token), (message) => {
        rotate(message);
        if (message.n !== undefined && made < 3) server.history.emit(1);
      });
      expect(ticksOf(messages)).toEqual(upTo(ticksOf(messages).length));
      expect(made).toBe(3);
    });

    it("is asked for again later when the function fails", async () => {
      server.history.finish();
      const reasons: string[] = [];
      let calls = 0;
      const token = () => {
        if (++calls === 1) throw new Error("offline");
        return "good";
      };
      await collect(follow({ onRetry: ({ reason }) => reasons.push(reason) }, token));
      expect(reasons).toEqual([expect.stringContaining("offline")]);
    });
  });

  it("an observer is told each message with its data, and the end", async () => {
    server.history.emit(3);
    const told: unknown[] = [];
    await new Promise<void>((resolve, reject) => {
      client().subscribe<{ ticks: Message }>(
        { query: TICKS, variables: { topic: "a", after: { at: "START" } } },
        {
          next: (message, data) => {
            expect(data).toEqual({ ticks: message });
            told.push(message.n ?? message.__typename);
            if (message.n === 2) server.kill();
            if (message.n === 3) server.history.finish();
          },
          error: reject,
          complete: resolve,
        },
      );
    });
    expect(told.filter((entry) => entry !== "CaughtUp")).toEqual(upTo(3));
  });

  it("an observer is told of a failure, and of nothing once it has left", async () => {
    const options = { query: TICKS, variables: { topic: "a", after: { at: "START" } } };
    const ignore = () => undefined;
    const error = await new Promise((resolve) => {
      client("stale").subscribe(options, { next: ignore, error: resolve });
    });
    expect(error).toMatchObject({ closeCode: 4401 });
    server.history.emit(2);
    const told: unknown[] = [];
    const leave = client().subscribe<{ ticks: Message }>(options, {
      next: ({ n }) => {
        told.push(n);
        leave();
      },
      error: (problem) => told.push(problem),
      complete: () => told.push("complete"),
    });
    await until(() => told.length > 0);
    await until(() => server.openSockets === 0);
    expect(told).toEqual([1]);
  });
});
