import { createReaders } from "../../../bench/fanout/accounts.ts";
import { stopAll } from "../../../src/app.ts";
import { createRuncastClient, type RuncastClient } from "../../../src/client/runcast-client.ts";
import { removeFolder, spawnCli, temporaryFolder } from "../../cli/cli-process.ts";
import { createTestDatabase } from "../../support/database.ts";
import { startTestRedis, type TestRedis } from "../../support/redis.ts";
import { waitFor } from "../../support/wait-for.ts";
import { Balancer } from "./balancer.ts";
import { Replica } from "./replica.ts";

/** What an operator runs for many users: two replicas behind a load balancer, one PostgreSQL, one Redis. */
export interface Installation extends AsyncDisposable {
  readonly redis: TestRedis;
  /** The one that tests kill, stop and start. */
  readonly mortal: Replica;
  /** The one that stays. */
  readonly steady: Replica;
  readonly balancer: Balancer;
  readonly admin: RuncastClient;
  readonly runnerToken: string;
  /** Tokens of accounts that may read the default project. */
  readers(count: number): Promise<string[]>;
  /** A replica that comes back to Redis looks for what it missed: only behind that can a notice be lost for good. */
  bothHearRedis(): Promise<void>;
}

export async function startInstallation(): Promise<Installation> {
  const stops: (() => Promise<void>)[] = [];
  const stop = async (): Promise<void> => await stopAll(stops.splice(0).reverse());
  const use = <Part extends AsyncDisposable>(part: Part): Part => {
    stops.push(async () => await part[Symbol.asyncDispose]());
    return part;
  };
  try {
    return { ...(await startParts(use)), [Symbol.asyncDispose]: stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

type Use = <Part extends AsyncDisposable>(part: Part) => Part;

async function startParts(use: Use): Promise<Omit<Installation, keyof AsyncDisposable>> {
  const database = use(await createTestDatabase());
  const redis = use(await startTestRedis());
  const folder = temporaryFolder();
  use({ [Symbol.asyncDispose]: async () => removeFolder(folder) });
  const settings = { DATABASE_URL: database.url, REDIS_URL: redis.url };
  const mortal = use(await Replica.start(folder, settings));
  const steady = use(await Replica.start(folder, settings));
  const admin = createRuncastClient({ url: steady.url, token: await makeToken(folder, "--admin", settings) });
  return {
    redis,
    mortal,
    steady,
    balancer: use(await Balancer.before(mortal.url, steady.url)),
    admin,
    runnerToken: await makeToken(folder, "--runner", settings),
    readers: async (count) => await createReaders(admin, count),
    bothHearRedis: async () => {
      await waitFor("both replicas to listen", async () => {
        const clients = String(await redis.command("client", "list")).split("\n");
        return clients.filter((client) => /name=runcast .*cmd=xread/.test(client)).length === 2;
      });
    },
  };
}

async function makeToken(
  folder: string,
  kind: "--admin" | "--runner",
  settings: Readonly<Record<string, string>>,
): Promise<string> {
  const made = spawnCli(folder, ["token", kind], settings);
  const code = await made.exited;
  if (code !== 0) throw new Error(`runcast token ended with ${code}:\n${made.output()}`);
  return made.output().trim().split("\n").at(-1)!;
}
