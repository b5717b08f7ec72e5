import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createRuncastClient, type Retry } from "../../src/client/runcast-client.ts";
import { clientOf, collect, failureOf, followTicks, type TickOptions, ticksOf, upTo } from "./following.ts";
import { StreamServer } from "./stream-server.ts";

let server: StreamServer;
beforeEach(async () => {
  server = await StreamServer.start();
});
afterEach(() => server.stop());

describe("an event stream", () => {
  const follow = (options: TickOptions = {}) =>
    followTicks(clientOf(server.url, "good", "event-stream"), options);

  it("that ends without being completed is resumed", async () => {
    server.history.emit(2);
    const messages = await collect(follow(), ({ __typename, n }) => {
      if (__typename === "CaughtUp") {
        server.endStreams();
        server.history.emit(1);
      }
      if (n === 3) server.history.finish();
    });
    expect(ticksOf(messages)).toEqual(upTo(3));
  });

  it.each([429, 503])("is tried again after status %i", async (status) => {
    server.refuseStreams = status;
    server.history.finish();
    const retries: Retry[] = [];
    const onRetry = (retry: Retry) => {
      retries.push(retry);
      server.refuseStreams = null;
    };
    await collect(follow({ onRetry }));
    expect(retries).toMatchObject([{ code: 1013, reason: `HTTP ${status}` }]);
  });

  it("is given up where the server has none", async () => {
    server.refuseStreams = 404;
    expect(await failureOf(collect(follow()))).toMatchObject({
      closeCode: 4400,
      message: expect.stringContaining("HTTP 404"),
    });
    expect(server.connections).toBe(1);
  });

  it("is given up when nothing comes for long, and resumed", async () => {
    const dead: ReadableStream<Uint8Array>[] = [];
    const fetchImpl: typeof fetch = async (url, init) => {
      if (dead.length > 0) return await fetch(url, init);
      dead.push(new ReadableStream());
      return new Response(dead[0]!, { status: 200 });
    };
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    try {
      server.history.finish();
      const client = createRuncastClient({
        url: server.url,
        token: "good",
        transport: "event-stream",
        fetchImpl,
      });
      const retries: Retry[] = [];
      const stream = followTicks(client, { onRetry: (retry) => retries.push(retry) });
      const first = stream.next();
      while (dead.length === 0) await new Promise((resolve) => setImmediate(resolve));
      await vi.advanceTimersByTimeAsync(29_000);
      expect(retries).toEqual([]);
      await vi.advanceTimersByTimeAsync(2_000);
      while (retries.length === 0) await new Promise((resolve) => setImmediate(resolve));
      await vi.advanceTimersByTimeAsync(1_000);
      expect((await first).value).toMatchObject({ __typename: "CaughtUp" });
      await stream.return!();
    } finally {
      vi.useRealTimers();
    }
  });
});

describe("a request", () => {
  it("asks for a token each time, and once more when it is refused", async () => {
    const make = vi.fn<() => string>().mockReturnValueOnce("stale").mockReturnValue("good");
    const client = clientOf(server.url, make);
    expect(await client.request('{ greeting(name: "ann") }')).toEqual({ greeting: "hello ann" });
    expect(make).toHaveBeenCalledTimes(2);
    const stale = vi.fn(() => "stale");
    expect(await failureOf(clientOf(server.url, stale).request("{ greeting }"))).toMatchObject({
      status: 401,
    });
    expect(stale).toHaveBeenCalledTimes(2);
  });
});

it("there is no other transport", () => {
  expect(() => clientOf(server.url, "good", "pigeon" as never)).toThrow(/no transport "pigeon"/);
});
