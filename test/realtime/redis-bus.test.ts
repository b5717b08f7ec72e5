import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { RedisBus } from "../../src/realtime/redis-bus.ts";
import { hasRedisServer, startTestRedis, type TestRedis } from "../support/redis.ts";
import { waitFor } from "../support/wait-for.ts";
import {
  type BusPair,
  collect,
  connectedRedisBus,
  listeningLogger,
  meet,
  openRedisBus,
  redisPair,
  runKey,
  runNotice,
} from "./buses.ts";

const KEY = "test:notices";

describe.skipIf(!hasRedisServer)("a bus over a Redis in trouble", () => {
  let redis: TestRedis;
  let pair: BusPair<RedisBus>;

  beforeEach(async () => {
    redis = await startTestRedis();
    pair = await redisPair(redis.url, KEY);
  });
  afterEach(async () => {
    await pair[Symbol.asyncDispose]();
    await redis[Symbol.asyncDispose]();
  });

  /** Ids begin with it: what is dropped and replaced within one cannot be told apart. */
  async function nextMillisecond(): Promise<void> {
    const now = async (): Promise<number> => {
      const [seconds, microseconds] = (await redis.command("time")) as [string, string];
      return Number(seconds) * 1_000 + Math.floor(Number(microseconds) / 1_000);
    };
    const before = await now();
    await waitFor("the next millisecond", async () => (await now()) > before, { everyMs: 1 });
  }

  /** Each end is told that anything may have happened, and then hears the other again. */
  async function expectRecovery(trouble: () => Promise<void>): Promise<void> {
    const ends = [pair.one, pair.other];
    const heard = ends.map((end) => collect(end, runKey("a")));
    await nextMillisecond();
    await trouble();
    await waitFor("all to be told", () => heard.every(({ doubts }) => doubts > 0));
    await meet(pair.one, pair.other);
    await meet(pair.other, pair.one);
  }

  it("goes on after a kill and a restart, and told everybody", async () => {
    await expectRecovery(async () => {
      await redis.kill();
      await redis.restart();
    });
  });

  it("goes on after FLUSHALL, and told everybody", async () => {
    await expectRecovery(async () => {
      await redis.command("flushall");
    });
  });

  it("notices FLUSHALL also when others publish at once", async () => {
    await expectRecovery(async () => {
      await redis.command("flushall");
      pair.one.publish(runNotice("b", 1));
      pair.other.publish(runNotice("b", 1));
    });
  });

  it("goes on when the ids of the stream start anew", async () => {
    await expectRecovery(async () => {
      await redis.command("del", KEY);
      await redis.command("xadd", KEY, "1-1", "p", "{}");
    });
  });

  it("goes on after a Redis that froze, and told everybody", async () => {
    await expectRecovery(async () => {
      redis.freeze();
      pair.one.publish(runNotice("a", 1));
      await waitFor("the freeze to be noticed", () => pair.one.counts.lost > 0);
      redis.thaw();
    });
  });

  it("tells its own process in an outage, counts what others miss, and waits for nothing", async () => {
    const heard = collect(pair.one, runKey("a"));
    await redis.kill();
    await waitFor("the outage to be noticed", () => {
      pair.one.publish(runNotice("b", 1));
      return pair.one.counts.lost > 0;
    });
    const noticed = pair.one.counts.lost;
    for (let seq = 1; seq <= 1_000; seq++) pair.one.publish(runNotice("a", seq));
    expect(heard.notices).toHaveLength(1_000);
    expect(pair.one.counts.lost).toBe(noticed + 1_000);
  });

  it("tells others the highest number of those published together", async () => {
    const heard = collect(pair.other, runKey("a"));
    for (const seq of [4, 6, 5]) pair.one.publish(runNotice("a", seq));
    await meet(pair.one, pair.other);
    expect(heard.notices).toEqual([runNotice("a", 6)]);
  });

  it("tells others that a process lost notices, though they lost nothing themselves", async () => {
    const heard = collect(pair.other, runKey("a"));
    await redis.command("config", "set", "maxmemory", "1");
    pair.one.publish(runNotice("a", 1));
    await waitFor("the loss", () => pair.one.counts.lost > 0);
    expect(heard.doubts).toBe(0);
    await redis.command("config", "set", "maxmemory", "0");
    await waitFor("the other to be told", () => heard.doubts > 0);
    expect(heard.notices).toEqual([]);
  });

  it("skips and counts what it cannot read", async () => {
    const heard = collect(pair.other, runKey("a"));
    const foreign = [
      "",
      "{",
      "null",
      '"text"',
      '{"v":2,"s":"x","i":1,"n":[]}',
      '{"v":1,"s":"x","i":-1,"n":[]}',
      '{"v":1,"s":"","i":1,"n":[]}',
      '{"v":1,"s":"x","i":1,"n":{}}',
      '{"v":1,"s":"x","i":1,"n":[null,["run"],["run",""],["run","a"],["run","a",1.5],["log","a",1,2],["news"],["run","a",9]]}',
    ];
    for (const text of foreign) await redis.command("xadd", KEY, "*", "p", text);
    await redis.command("xadd", KEY, "*", "other", "field");
    await waitFor("what can be read", () => heard.notices.length > 0);
    expect(heard.notices).toEqual([runNotice("a", 9)]);
    await meet(pair.one, pair.other);
    expect(pair.other.counts).toEqual({ lost: 0, unreadable: 16 });
  });

  it("keeps the stream short", async () => {
    await redis.command("eval", "for i = 1, 6000 do redis.call('xadd', KEYS[1], '*', 'p', '') end", "1", KEY);
    await meet(pair.one, pair.other);
    expect(Number(await redis.command("xlen", KEY))).toBeLessThan(5_000);
  });

  it("does not hear another installation on the same Redis", async () => {
    await using foreign = await redisPair(redis.url, `${KEY}:foreign`);
    const heard = collect(foreign.one, runKey("a"));
    pair.one.publish(runNotice("a", 1));
    await meet(pair.one, pair.other);
    await meet(foreign.other, foreign.one);
    expect(heard.notices).toEqual([]);
  });
});

describe.skipIf(!hasRedisServer)("what an operator reads of an outage", () => {
  it("is there though nobody publishes: a Redis that froze is noticed", async () => {
    await using redis = await startTestRedis();
    const { logger, written } = listeningLogger();
    await using bus = await connectedRedisBus(redis.url, KEY, logger);
    const heard = collect(bus, runKey("a"));
    redis.freeze();
    await waitFor("the freeze to be noticed", () => written("warn").length > 0);
    expect(heard.doubts).toBe(0);
    redis.thaw();
    await waitFor("its end", () => heard.doubts > 0);
  });

  it("is one line at its start, and one at its end with what was lost", async () => {
    await using redis = await startTestRedis();
    const { logger, written } = listeningLogger();
    await using bus = await connectedRedisBus(redis.url, KEY, logger);
    expect(written("warn")).toEqual([]);
    await redis.kill();
    await waitFor("the outage to be noticed", () => written("warn").length > 0);
    for (let i = 0; i < 100; i++) bus.publish(runNotice("a", i));
    await redis.restart();
    await waitFor("its end", () => written("info").length > 0);
    expect(written("warn")).toMatchObject([{ msg: expect.stringContaining("Redis is away") }]);
    expect(written("info")).toMatchObject([{ msg: "Redis is back", lostNotices: 100 }]);
  });

  it("says that the password is wrong without saying it", async () => {
    await using redis = await startTestRedis({ password: "right" });
    const { logger, written, text } = listeningLogger();
    await using bus = openRedisBus(redis.url.replace("right", "very-secret"), KEY, logger);
    await using stranger = openRedisBus(redis.url.replace(":right@", ""), KEY, logger);
    const heard = [bus, stranger].map((each) => collect(each, runKey("a")));
    for (const code of ["WRONGPASS", "NOAUTH"])
      await waitFor(code, () => written("warn").some(({ reason }) => String(reason).includes(code)));
    bus.publish(runNotice("a", 1));
    await redis.command("config", "set", "requirepass", "very-secret");
    await waitFor("the password to be right", () => heard[0]!.doubts > 0);
    expect(text()).not.toContain("very-secret");
    expect(heard[1]!.doubts).toBe(0);
  });
});
