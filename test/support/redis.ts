import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Redis } from "ioredis";
import { waitFor } from "./wait-for.ts";

/** A Redis that runs anyway, for tests that do not stop it. */
export const givenRedisUrl = process.env["REDIS_URL"];
/** Whether tests can start, kill and freeze servers of their own. */
export const hasRedisServer = spawnSync("redis-server", ["--version"]).status === 0;

if (!hasRedisServer) {
  const missing = "there is no redis-server on the PATH";
  if (process.env["CI"] || process.env["RUNCAST_REQUIRE_REDIS"]) throw new Error(missing);
  const which = givenRedisUrl === undefined ? "ALL TESTS OF REDIS" : "TESTS THAT STOP REDIS";
  console.warn(`\n!!! ${which} ARE SKIPPED: ${missing}\n`);
}

export interface TestRedis extends AsyncDisposable {
  readonly url: string;
  /** Does something to it, past the code under test. */
  command(name: string, ...args: string[]): Promise<unknown>;
  /** kill -9: what it held is gone. */
  kill(): Promise<void>;
  /** Starts again on the same port, empty. */
  restart(): Promise<void>;
  /** It keeps its connections and answers nothing. */
  freeze(): void;
  thaw(): void;
}

/** A real server that stores nothing on disk; it ends with the test's `await using`, or with this process. */
export async function startTestRedis({ password = "" } = {}): Promise<TestRedis> {
  const folder = mkdtempSync(join(tmpdir(), "runcast-redis-"));
  const port = await freePort();
  const account = password === "" ? "" : `:${password}@`;
  const url = `redis://${account}127.0.0.1:${port}`;
  const settings = {
    port,
    bind: "127.0.0.1",
    save: "",
    appendonly: "no",
    dir: folder,
    requirepass: password,
  };
  const args = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, String(value)]);
  let server = await launch(args, url);
  const kill = async (): Promise<void> => {
    const exited = new Promise((resolve) => server.once("exit", resolve));
    if (server.exitCode !== null || server.signalCode !== null || !server.kill("SIGKILL")) return;
    await exited;
  };
  return {
    url,
    command: async (name, ...rest) => await askRedis(url, name, ...rest),
    kill,
    async restart() {
      await kill();
      server = await launch(args, url);
    },
    freeze: () => void server.kill("SIGSTOP"),
    thaw: () => void server.kill("SIGCONT"),
    async [Symbol.asyncDispose]() {
      await kill();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function launch(args: readonly string[], url: string): Promise<ChildProcess> {
  const server = spawn("redis-server", args, { stdio: "ignore" });
  const end = (): void => void server.kill("SIGKILL");
  process.once("exit", end);
  server.once("exit", () => process.off("exit", end));
  await waitFor("redis-server", async () => {
    if (server.exitCode !== null) throw new Error(`redis-server ended with ${server.exitCode}`);
    return await askRedis(url, "ping").catch(() => false);
  });
  return server;
}

/** One command over a connection of its own. */
export async function askRedis(url: string, name: string, ...args: string[]): Promise<unknown> {
  const redis = new Redis(url, { lazyConnect: true, retryStrategy: null });
  redis.on("error", () => undefined);
  try {
    await redis.connect();
    return await redis.call(name, ...args);
  } finally {
    redis.disconnect();
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
