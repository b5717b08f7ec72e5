import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Retry, RuncastConnectionError } from "../../src/client/runcast-client.ts";
import {
  clientOf,
  collect,
  failureOf,
  followTicks,
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

describe("a stream without trouble", () => {
  it("replays, is caught up once, follows live and ends with the subscription", async () => {
    server.history.emit(3);
    const messages = await collect(follow(), ({ __typename, n }) => {
      if (__typename === "CaughtUp") server.history.emit(2);
      if (n === 5) server.history.finish();
    });
    expect(messages.map(({ __typename, n }) => n ?? __typename)).toEqual([1, 2, 3, "CaughtUp", 4, 5]);
    expect(server.subscriptions).toEqual([{ topic: "a", after: { at: "START" } }]);
    await until(() => server.openSockets === 0);
  });

  it("shares one socket with others and gives it back after the last", async () => {
    server.history.emit(1);
    const client = createClient();
    const [one, two] = [follow({}, client), follow({}, client)];
    await Promise.all([one.next(), two.next()]);
    expect(server.connections).toBe(1);
    await one.return!();
    expect((await two.next()).value).toMatchObject({ __typename: "CaughtUp" });
    await two.return!();
    await until(() => server.openSockets === 0);
    expect((await follow({}, client).next()).value).toMatchObject({ n: 1 });
    expect(server.connections).toBe(2);
  });

  it("leaves nothing behind when the consumer breaks off while it waits", async () => {
    const stream = follow();
    await stream.next();
    const waiting = stream.next();
    await stream.return!();
    expect(await waiting).toEqual({ done: true, value: undefined });
    await until(() => server.openSockets === 0);
  });

  it("throws the reason of an abort", async () => {
    const aborter = new AbortController();
    const failure = failureOf(collect(follow({ signal: aborter.signal })));
    await until(() => server.subscriptions.length === 1);
    aborter.abort(new Error("enough"));
    expect(await failure).toEqual(new Error("enough"));
    await until(() => server.openSockets === 0);
    const late = follow({ signal: aborter.signal });
    await expect(late.next()).rejects.toThrow("enough");
    expect(await late.next()).toEqual({ done: true, value: undefined });
  });
});

describe("a lost connection", () => {
  it("is resumed behind the last message: each one is seen once, in order, however often it is lost", async () => {
    server.history.emit(60);
    const messages = await collect(follow(), ({ n = 0 }) => {
      if (n % 7 === 0) server.kill();
      if (n === 60) server.history.emit(20);
      if (n === 80) server.history.finish();
    });
    expect(ticksOf(messages)).toEqual(upTo(80));
    expect(messages.filter(({ __typename }) => __typename === "CaughtUp")).toHaveLength(1);
    expect(server.subscriptions.length).toBeGreaterThan(5);
    for (const { topic, after } of server.subscriptions.slice(1)) {
      expect(topic).toBe("a");
      expect(after.cursor).toMatch(/^c\d+$/);
    }
  });

  it.each([1000, 1001, 1011, 1012, 1013, 4500])("is resumed after close code %i", async (code) => {
    const retries: Retry[] = [];
    server.history.emit(2);
    const messages = await collect(
      follow({ onRetry: (retry) => retries.push(retry) }),
      ({ __typename, n }) => {
        if (__typename === "CaughtUp") server.close(code, "later");
        if (__typename === "CaughtUp") server.history.emit(3);
        if (n === 5) server.history.finish();
      },
    );
    expect(ticksOf(messages)).toEqual(upTo(5));
    expect(retries).toEqual([{ code, reason: "later", attempt: 1, delayMs: expect.any(Number) }]);
  });

  it("is resumed after a restart of the server on the same port", async () => {
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
    expect(retries.map(({ attempt }) => attempt)).toEqual(retries.map((_, index) => index + 1));
    expect(retries.at(-1)!.reason).toMatch(/ECONNREFUSED/);
  });

  it("is resumed when it was lost before the first message", async () => {
    const messages = follow({ variables: { topic: "a", after: { at: "HEAD" } } });
    const first = messages.next();
    await until(() => server.openSockets === 1);
    server.kill();
    expect((await first).value).toMatchObject({ __typename: "CaughtUp" });
    expect(server.subscriptions.at(-1)!.after).toEqual({ at: "HEAD" });
    await messages.return!();
  });

  it("ends every stream on the socket and resumes each from its own position", async () => {
    server.history.emit(5);
    const client = createClient();
    const slow = follow({}, client);
    await slow.next();
    const quick = follow({}, client);
    await until(async () => (await quick.next()).value?.__typename === "CaughtUp");
    server.kill();
    server.history.emit(1);
    expect((await quick.next()).value).toMatchObject({ n: 6 });
    server.history.finish();
    expect(ticksOf(await collect(slow))).toEqual([2, 3, 4, 5, 6]);
    expect(ticksOf(await collect(quick))).toEqual([]);
  });

  it("never repeats a message that the server sends again", async () => {
    server.history.emit(10);
    server.history.repeats = 4;
    const messages = await collect(follow(), ({ n = 0 }) => {
      if (n % 5 === 0) server.kill();
      if (n === 10) server.history.finish();
    });
    expect(ticksOf(messages)).toEqual(upTo(10));
  });

  it("keeps messages apart that share a cursor", async () => {
    const shared: Message[] = [1, 2, 3].map((n) => ({ __typename: "Tick", cursor: "c0", n }));
    server.history.ticks.push(...shared);
    const messages = await collect(follow(), ({ n }) => {
      if (n === 2) server.kill();
      if (n === 3) server.history.finish();
    });
    expect(ticksOf(messages)).toEqual([1, 2, 3]);
  });

  it("is tried again a given number of times at most", async () => {
    const { url } = server;
    await server.stop();
    const retries: Retry[] = [];
    const stream = follow(
      { maxAttempts: 2, onRetry: (retry) => retries.push(retry) },
      createClient("good", url),
    );
    const error = await failureOf(collect(stream));
    expect(error).toBeInstanceOf(RuncastConnectionError);
    expect(error).toMatchObject({ closeCode: 1006, message: expect.stringContaining("ECONNREFUSED") });
    expect(retries).toHaveLength(2);
    server = await StreamServer.start();
  });
});
