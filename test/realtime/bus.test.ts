import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Notice, noticeKeys } from "../../src/domain/bus.ts";
import { askRedis, givenRedisUrl, hasRedisServer, startTestRedis, type TestRedis } from "../support/redis.ts";
import { waitFor } from "../support/wait-for.ts";
import { type BusPair, collect, inProcessPair, meet, redisPair, runKey, runNotice } from "./buses.ts";

/** Only a notice ends such a wait. */
const FOR_EVER_MS = 2 ** 31 - 1;
const never = new AbortController().signal;

let redis: TestRedis | null = null;
const redisUrl = (): string => redis?.url ?? givenRedisUrl!;
const key = `test:${randomUUID()}`;
const transports = [
  { name: "in process", missing: false, open: async (): Promise<BusPair> => inProcessPair() },
  {
    name: "over Redis",
    missing: !hasRedisServer && givenRedisUrl === undefined,
    open: async (): Promise<BusPair> => await redisPair(redisUrl(), key),
  },
];

beforeAll(async () => {
  if (hasRedisServer) redis = await startTestRedis();
});
afterAll(async () => {
  if (redis !== null) await redis[Symbol.asyncDispose]();
  else if (givenRedisUrl !== undefined) await askRedis(givenRedisUrl, "del", key);
});

describe.each(transports)("a bus $name", ({ missing, open }) => {
  it.skipIf(missing)("brings a notice to the watchers of its key, here and elsewhere", async () => {
    await using pair = await open();
    const { one, other } = pair;
    const watches = [one, other].map((bus) => ({
      wanted: collect(bus, runKey("a")),
      both: collect(bus, runKey("a"), runKey("b")),
      any: collect(bus, noticeKeys.anyRun()),
      foreign: collect(bus, runKey("c"), noticeKeys.work(), noticeKeys.runLogs("a")),
    }));
    one.publish(runNotice("a", 7));
    one.publish(runNotice("b", 8));
    await meet(one, other);
    for (const { wanted, both, any, foreign } of watches) {
      expect(wanted.notices).toEqual([runNotice("a", 7)]);
      for (const { notices } of [both, any]) expect(notices).toEqual([runNotice("a", 7), runNotice("b", 8)]);
      expect(foreign.notices).toEqual([]);
      expect(wanted.doubts + both.doubts + foreign.doubts).toBe(0);
    }
  });

  it.skipIf(missing)("brings every sort of notice as it was", async () => {
    await using pair = await open();
    const { one, other } = pair;
    const log = { runId: "a", step: 0, fence: 3, part: 1 };
    const sent: Notice[] = [
      runNotice("a", 1),
      { topic: "log", ...log },
      { topic: "run-logs", runId: "a" },
      { topic: "work" },
      { topic: "signal" },
      { topic: "cancel", session: 'a "quoted" one' },
    ];
    const keys = [
      runKey("a"),
      noticeKeys.log(log),
      noticeKeys.runLogs("a"),
      noticeKeys.work(),
      noticeKeys.signal(),
      noticeKeys.cancel('a "quoted" one'),
    ];
    const heard = collect(other, ...keys);
    for (const notice of sent) one.publish(notice);
    await waitFor("all of them", () => heard.notices.length >= sent.length);
    expect(heard.notices).toEqual(sent);
  });

  it.skipIf(missing)("tells this process before publishing returns", async () => {
    await using pair = await open();
    const heard = collect(pair.one, runKey("a"));
    pair.one.publish(runNotice("a", 1));
    expect(heard.notices).toEqual([runNotice("a", 1)]);
    await meet(pair.one, pair.other);
    await meet(pair.other, pair.one);
    expect(heard.notices).toHaveLength(1);
  });

  it.skipIf(missing)("keeps the order of a key, up to its last notice", async () => {
    await using pair = await open();
    const heard = collect(pair.other, runKey("a"));
    for (let seq = 1; seq <= 500; seq++) {
      pair.one.publish(runNotice("a", seq));
      if (seq % 7 === 0) await new Promise(setImmediate);
    }
    await waitFor("the last", () =>
      heard.notices.some((notice) => "lastSeq" in notice && notice.lastSeq === 500),
    );
    const seqs = heard.notices.map((notice) => ("lastSeq" in notice ? notice.lastSeq : 0));
    expect(seqs).toEqual([...new Set(seqs)].sort((a, b) => a - b));
  });

  it.skipIf(missing)("brings thousands of notices of one tick", async () => {
    await using pair = await open();
    const runs = Array.from({ length: 5_000 }, (_, i) => `run-${i}`);
    const heard = collect(pair.other, ...runs.map(runKey));
    for (const run of runs) pair.one.publish(runNotice(run, 1));
    await waitFor("all of them", () => heard.notices.length >= runs.length);
    expect(heard.notices).toEqual(runs.map((run) => runNotice(run, 1)));
    expect(heard.doubts).toBe(0);
  });

  it.skipIf(missing)("tells nobody who has closed, not even of what is being told", async () => {
    await using pair = await open();
    const { one, other } = pair;
    const closed = collect(other, runKey("a"));
    closed.close();
    closed.close();
    const told: string[] = [];
    const first = other.watch([runKey("a")], () => {
      told.push("first");
      second[Symbol.dispose]();
    });
    const second = other.watch([runKey("a")], () => told.push("second"));
    one.publish(runNotice("a", 1));
    await meet(one, other);
    expect(closed.notices).toEqual([]);
    expect(told).toEqual(["first"]);
    first[Symbol.dispose]();
  });

  it.skipIf(missing)("lets a watcher publish and watch", async () => {
    await using pair = await open();
    const { one, other } = pair;
    const answers = collect(one, runKey("answer"));
    const questions = other.watch([runKey("question")], () => {
      other.watch([runKey("question")], () => undefined);
      other.publish(runNotice("answer", 1));
    });
    one.publish(runNotice("question", 1));
    await waitFor("an answer", () => answers.notices.length > 0);
    questions[Symbol.dispose]();
  });

  it.skipIf(missing)("remembers a notice between two waits, once", async () => {
    await using pair = await open();
    const { one, other } = pair;
    const listener = other.listen([runKey("a"), runKey("b")]);
    one.publish(runNotice("a", 1));
    one.publish(runNotice("b", 1));
    await meet(one, other);
    await listener.heard(FOR_EVER_MS, never);
    const again = new AbortController();
    let ended = false;
    const waiting = listener.heard(FOR_EVER_MS, again.signal).then(() => {
      ended = true;
    });
    await meet(one, other);
    expect(ended).toBe(false);
    one.publish(runNotice("b", 2));
    await waiting;
    listener.close();
  });

  it.skipIf(missing)("wakes a listener that waits when it is closed or aborted", async () => {
    await using pair = await open();
    const closing = pair.one.listen([runKey("a")]);
    const waiting = closing.heard(FOR_EVER_MS, never);
    closing.close();
    await waiting;
    const aborting = pair.one.listen([runKey("a")]);
    const abort = new AbortController();
    const wait = aborting.heard(FOR_EVER_MS, abort.signal);
    abort.abort();
    await wait;
    aborting.close();
  });
});
