import { randomUUID } from "node:crypto";
import fc from "fast-check";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { BusyError } from "../../src/domain/refusals.ts";
import type { StreamPosition } from "../../src/domain/stream-cursor.ts";
import { forgetOldChanges } from "../../src/duties/forget-changes.ts";
import { createDataSource } from "../../src/persistence/data-source.ts";
import { Database } from "../../src/persistence/database.ts";
import { ChangeFeed } from "../../src/realtime/change-feed.ts";
import { type ChangeStreamItem, followChanges } from "../../src/realtime/follow-changes.ts";
import { InProcessBus } from "../../src/realtime/in-process-bus.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { waitFor } from "../support/wait-for.ts";

/** By default few; all of them when everything is asked for. */
const RUNS = process.env["RUNCAST_TEST_SCALE"] === "1" ? 500 : 60;
const WRITERS = 4;
const PROJECT = randomUUID();

let stored: TestDatabase;
let database: Database;
let feeds: ChangeFeed[];
const writers: pg.Client[] = [];
beforeAll(async () => {
  stored = await createTestDatabase();
  const dataSource = createDataSource({ url: stored.url, poolSize: 4, applicationName: "feed" });
  database = new Database(await dataSource.initialize());
  const fail = (error: unknown): never => {
    throw error;
  };
  feeds = [0, 1].map(() => new ChangeFeed(database, new InProcessBus(), fail));
  for (let i = 0; i < WRITERS; i++) {
    const writer = new pg.Client({ connectionString: stored.url });
    await writer.connect();
    writers.push(writer);
  }
});
afterAll(async () => {
  for (const feed of feeds) feed[Symbol.dispose]();
  for (const writer of writers) await writer.end();
  await database[Symbol.asyncDispose]();
  await stored[Symbol.asyncDispose]();
});

/** Reads a feed, and may fall back to any of the messages that it got. */
class Follower {
  readonly startCursor: string;
  #items: ChangeStreamItem[] = [];
  #following: Awaited<ReturnType<typeof followChanges>>;
  #pump: Promise<void>;

  private constructor(following: Follower["stream"], startCursor: string) {
    this.startCursor = startCursor;
    this.#following = following;
    this.#pump = this.#read();
  }

  static async start(feed: ChangeFeed): Promise<Follower> {
    const following = await followChanges(feed, database, { after: { kind: "HEAD" }, wants: notEmpty });
    const { value } = await following.next();
    return new Follower(following, value!.cursor);
  }

  get stream() {
    return this.#following;
  }

  /** Every run that it was told of, as often as it was told. */
  get told(): string[] {
    return this.#items.flatMap((item) =>
      item.kind === "CHANGES" ? item.changes.map(({ runId }) => runId) : [],
    );
  }

  get kinds(): string[] {
    return this.#items.map(({ kind }) => kind);
  }

  /** Forgets its newest messages, and goes on behind those it keeps. */
  async resume(feed: ChangeFeed, share: number): Promise<void> {
    await this.stop();
    this.#items = this.#items.slice(0, Math.round(share * this.#items.length));
    const cursor = this.#items.at(-1)?.cursor ?? this.startCursor;
    this.#following = await followChanges(feed, database, {
      after: { kind: "CURSOR", cursor },
      wants: notEmpty,
    });
    this.#pump = this.#read();
  }

  async stop(): Promise<void> {
    await this.#following.return();
    await this.#pump;
  }

  async #read(): Promise<void> {
    for await (const item of this.#following) this.#items.push(item);
  }
}

function notEmpty({ changes }: { readonly changes: readonly unknown[] }): boolean {
  return changes.length > 0;
}

async function write(writer: pg.Client, count: number): Promise<string[]> {
  const runs = Array.from({ length: count }, () => randomUUID());
  await writer.query(
    "insert into run_change (run_id, project_id, created) select unnest($1::uuid[]), $2, false",
    [runs, PROJECT],
  );
  return runs;
}

/** What happens, in one order of many. */
class World {
  /** Of each writer, while it has a transaction. */
  readonly #open = new Map<number, string[]>();
  readonly #committed: string[] = [];
  /** Each with the number of runs that were committed before it came. */
  readonly #followers: { readonly follower: Follower; readonly before: number }[] = [];

  async write(writer: number, count: number): Promise<void> {
    if (!this.#open.has(writer)) await writers[writer]!.query("begin");
    const runs = await write(writers[writer]!, count);
    this.#open.set(writer, [...(this.#open.get(writer) ?? []), ...runs]);
  }

  async end(writer: number, verb: "commit" | "rollback"): Promise<void> {
    const runs = this.#open.get(writer);
    if (runs === undefined) return;
    await writers[writer]!.query(verb);
    this.#open.delete(writer);
    if (verb === "commit") this.#committed.push(...runs);
  }

  async poll(feed: number): Promise<void> {
    using log = await feeds[feed]!.follow();
    await log.grow();
  }

  async follow(feed: number): Promise<void> {
    const before = this.#committed.length;
    this.#followers.push({ follower: await Follower.start(feeds[feed]!), before });
  }

  async resume(which: number, feed: number, share: number): Promise<void> {
    if (this.#followers.length === 0) return;
    await this.#followers[which % this.#followers.length]!.follower.resume(feeds[feed]!, share);
  }

  async check(): Promise<void> {
    for (const writer of [...this.#open.keys()]) await this.end(writer, "commit");
    for (const feed of feeds.keys()) await this.poll(feed);
    for (const { follower, before } of this.#followers) {
      const wanted = this.#committed.slice(before).sort();
      await waitFor("all changes", () => follower.told.length >= wanted.length, {
        everyMs: 1,
        timeoutMs: 5_000,
      });
      await follower.stop();
      expect(follower.told.sort()).toEqual(wanted);
      expect(follower.kinds).not.toContain("RESET");
    }
  }

  async close(): Promise<void> {
    for (const writer of [...this.#open.keys()]) await this.end(writer, "rollback");
    for (const { follower } of this.#followers) await follower.stop();
  }
}

const writer = fc.nat(WRITERS - 1);
const feed = fc.nat(1);
const step = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.tuple(fc.constant("write" as const), writer, fc.constantFrom(1, 2, 130, 1_250)),
  },
  {
    weight: 3,
    arbitrary: fc.tuple(fc.constant("end" as const), writer, fc.constantFrom("commit", "rollback")),
  },
  { weight: 2, arbitrary: fc.tuple(fc.constant("poll" as const), feed) },
  { weight: 1, arbitrary: fc.tuple(fc.constant("follow" as const), feed) },
  {
    weight: 2,
    arbitrary: fc.tuple(
      fc.constant("resume" as const),
      fc.nat(10),
      feed,
      fc.double({ min: 0, max: 1, noNaN: true }),
    ),
  },
);

describe("a feed of changes", () => {
  it("tells each follower of every committed change once, and of none that was rolled back", async () => {
    await fc.assert(
      fc.asyncProperty(feed, fc.array(step, { minLength: 5, maxLength: 40 }), async (first, steps) => {
        const world = new World();
        try {
          await world.follow(first);
          for (const [verb, ...args] of steps)
            await (world[verb] as (...all: unknown[]) => Promise<void>)(...args);
          await world.check();
        } finally {
          await world.close();
        }
      }),
      { numRuns: RUNS, interruptAfterTimeLimit: 600_000 },
    );
  }, 600_000);

  it("tells of a slow transaction that was overtaken by others", async () => {
    const [slow, fast] = writers as [pg.Client, pg.Client];
    await slow.query("begin");
    const [late] = await write(slow, 1);
    const follower = await Follower.start(feeds[0]!);
    const before = await write(fast, 1);
    await using _ = { [Symbol.asyncDispose]: async () => await follower.stop() };
    (await feeds[0]!.follow())[Symbol.dispose]();
    await waitFor("what is fast", () => follower.told.length === 1);
    await slow.query("commit");
    const after = await write(fast, 1);
    await follower.resume(feeds[1]!, 1);
    await waitFor("what is slow", () => follower.told.length === 3);
    expect(follower.told[0]).toBe(before[0]);
    expect(follower.told.slice(1).sort()).toEqual([late, ...after].sort());
  });

  it("resets a position of which something is forgotten, and no other", async () => {
    const old = await Follower.start(feeds[0]!);
    await old.stop();
    await write(writers[0]!, 3);
    const clock = new ManualClock();
    const duty = { database, clock } as unknown as Parameters<typeof forgetOldChanges.run>[0];
    await forgetOldChanges.run(duty);
    await old.resume(feeds[1]!, 1);
    await waitFor("what is kept", () => old.told.length === 3);
    await old.stop();
    const fresh = await Follower.start(feeds[0]!);
    await fresh.stop();

    clock.advance(25 * 60 * 60 * 1_000);
    await forgetOldChanges.run(duty);
    expect(await stored.query("select from run_change")).toEqual([]);
    await old.resume(feeds[1]!, 0);
    await waitFor("an answer", () => old.kinds.length >= 2);
    expect(old.kinds).toEqual(["RESET", "CAUGHT_UP"]);
    await old.stop();
    await fresh.resume(feeds[1]!, 1);
    await waitFor("an answer", () => fresh.kinds.length >= 1);
    expect(fresh.kinds).toEqual(["CAUGHT_UP"]);
    await fresh.stop();
  });

  it("has to be followed anew, from a reset, once the database is another one", async () => {
    const follow = async (after: StreamPosition) =>
      await followChanges(feeds[0]!, database, { after, wants: notEmpty });
    const old = await follow({ kind: "HEAD" });
    const { cursor } = (await old.next()).value!;
    await stored.query("update installation set restore_counter = restore_counter + 1");
    await expect(old.next()).rejects.toBeInstanceOf(BusyError);
    const next = await follow({ kind: "CURSOR", cursor });
    expect((await next.next()).value).toMatchObject({
      kind: "RESET",
      cursor: expect.not.stringMatching(cursor),
    });
    await next.return();
  });
});
