import { spawn } from "node:child_process";
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { setTimeout } from "node:timers/promises";
import { Redis } from "ioredis";

const START_MS = 10_000;
const STOP_MS = 5_000;
const RETRY_MS = 20;

export interface BenchRedis extends AsyncDisposable {
  readonly url: string;
  /** Which server this is, for the report. */
  readonly kind: string;
}

/** The server of BENCH_REDIS_URL, or one of its own that stores nothing and ends with this process. */
export async function openRedis(folder: string): Promise<BenchRedis> {
  const given = process.env["BENCH_REDIS_URL"];
  if (given !== undefined) {
    return { url: given, kind: "of BENCH_REDIS_URL", [Symbol.asyncDispose]: async () => undefined };
  }
  const port = await freePort();
  const options = ["--port", String(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"];
  // The shell waits for the end of its input, so Redis ends with this process however that ends.
  const script = 'redis-server "$@" >/dev/null 2>&1 </dev/null & read _; kill $!; wait';
  const shell = spawn("sh", ["-c", script, "sh", ...options, "--dir", folder], {
    stdio: ["pipe", "ignore", "ignore"],
  });
  const exited = once(shell, "exit");
  const stop = async (): Promise<void> => {
    shell.stdin.end();
    const late = setTimeout(STOP_MS, "late", { ref: false });
    if ((await Promise.race([exited, late])) === "late") shell.kill("SIGKILL");
  };
  const url = `redis://127.0.0.1:${port}`;
  try {
    return { url, kind: `${await versionOf(url)}, not persistent`, [Symbol.asyncDispose]: stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  return port;
}

async function versionOf(url: string): Promise<string> {
  const deadline = performance.now() + START_MS;
  for (;;) {
    const redis = new Redis(url, { lazyConnect: true, retryStrategy: null, connectTimeout: STOP_MS });
    redis.on("error", () => undefined);
    try {
      await redis.connect();
      return /redis_version:(\S+)/.exec(await redis.info("server"))?.[1] ?? "unknown";
    } catch (error) {
      const hint = "is redis-server installed? BENCH_REDIS_URL names another one";
      if (performance.now() > deadline) throw new Error(`Redis did not answer; ${hint}`, { cause: error });
      await setTimeout(RETRY_MS);
    } finally {
      redis.disconnect();
    }
  }
}
