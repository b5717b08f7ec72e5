import { expect, test } from "vitest";
import { warnOfPeers } from "../../src/duties/warn-of-peers.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { hasRedisServer, startTestRedis } from "../support/redis.ts";
import { startTestServer } from "../support/server.ts";
import { waitFor } from "../support/wait-for.ts";
import { deploy, trigger } from "../support/workflows.ts";
import { collect, listeningLogger, meet } from "./buses.ts";

const WORKFLOW = "name: short\nstages: [{ name: one, steps: [{ ref: say, run: 'true' }] }]\n";

test.skipIf(!hasRedisServer)(
  "processes with REDIS_URL hear of each other's commits, and only of them",
  async () => {
    await using redis = await startTestRedis();
    const redisUrl = redis.url;
    await using one = await startTestServer({ redisUrl });
    await using other = await startTestServer({ redisUrl, database: one.database });
    await using _foreign = await startTestServer({ redisUrl });
    await meet(one.app.engine.bus, other.app.engine.bus);
    const heard = collect(other.app.engine.bus, "work");
    await trigger(one.admin, await deploy(one.admin, WORKFLOW));
    await waitFor("the notice of work", () => heard.notices.length > 0);
    // The third has another database, and by that another stream.
    await waitFor("the third to connect", async () => {
      const streams = (await redis.command("keys", "runcast:notices:*")) as string[];
      return streams.length === 2;
    });
  },
);

test("a server starts and works while Redis is away", async () => {
  const { logger, written } = listeningLogger();
  // Nothing listens on port 1.
  await using server = await startTestServer({ redisUrl: "redis://:very-secret@127.0.0.1:1", logger });
  await trigger(server.admin, await deploy(server.admin, WORKFLOW));
  await waitFor("a warning", () => written("warn").length > 0);
  expect(written("warn")).toMatchObject([{ reason: expect.stringContaining("ECONNREFUSED") }]);
});

test("two processes without REDIS_URL: a warning, repeated every ten minutes at most", async () => {
  const clock = new ManualClock();
  const options = { clock, runDuties: false };
  await using one = await startTestServer(options);
  const { logger, written } = listeningLogger();
  const duty = warnOfPeers();
  const look = async (): Promise<number> => {
    await duty.run(one.app.engine, undefined, logger);
    return written("warn").length;
  };
  expect(await look()).toBe(0);
  {
    await using _other = await startTestServer({ ...options, database: one.database });
    expect(await look()).toBe(1);
    expect(await look()).toBe(1);
    clock.advance(10 * 60_000);
    expect(await look()).toBe(2);
    expect(written("warn")[0]).toMatchObject({ others: 1, msg: expect.stringContaining("REDIS_URL") });
  }
  clock.advance(10 * 60_000);
  await waitFor("the other's connections to end", async () => {
    const rows = await one.database.query(
      "select distinct application_name from pg_stat_activity where datname = current_database() and application_name like 'runcast api%'",
    );
    return rows.length === 1;
  });
  expect(await look()).toBe(2);
});

test("a server looks for others by itself", async () => {
  const alone = listeningLogger();
  await using one = await startTestServer({ runDuties: false });
  await using _two = await startTestServer({ database: one.database, logger: alone.logger });
  await waitFor("a warning", () => alone.written("warn").some(({ others }) => others === 1));
});
