import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { open, rename } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { PostgresBinaries } from "./binaries.ts";
import { serverEnvironment, serverSettings } from "./cluster-settings.ts";
import { hasErrorCode } from "./errors.ts";
import type { ClusterHome } from "./home.ts";
import { readPostmasterFile } from "./orphan.ts";
import { giveToOwnerOf } from "./owned-files.ts";
import { refusalIn } from "./refusal.ts";
import { watchOver } from "./watchdog.ts";

/** How the server ended. */
export interface PostgresExit {
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
  /** False when nobody asked for it: it crashed, or somebody else stopped it. */
  readonly requested: boolean;
}

export interface Postmaster {
  readonly exited: Promise<PostgresExit>;
  stop(): Promise<void>;
}

export interface PostmasterOptions {
  readonly home: ClusterHome;
  readonly binaries: PostgresBinaries;
  readonly port: number;
  readonly durable: boolean;
}

/** Recovery after a power cut replays up to `max_wal_size` of changes, which takes a slow disk a while. */
const READY_WITHIN_MS = 120_000;
const POLL_MS = 5;
const FAST_SHUTDOWN_MS = 30_000;

/**
 * Starts the server and waits until it accepts connections.
 * @throws EmbeddedPostgresError when the server refuses to start, with its reason
 */
export async function startPostmaster(options: PostmasterOptions): Promise<Postmaster> {
  const { home } = options;
  const logFile = join(home.directory, "server.log");
  const server = await spawnServer(options, logFile);
  const watchdog = watchOver(server.pid!, home.user);
  let requested = false;
  const exited = once(server, "exit").then(([exitCode, signal]): PostgresExit => {
    // Its number may soon belong to another process, so nobody must signal it any more.
    watchdog.kill("SIGKILL");
    return { exitCode: exitCode as number | null, signal: signal as NodeJS.Signals | null, requested };
  });
  const stop = async (): Promise<void> => {
    requested = true;
    await stopServer(server, exited);
  };
  if (await becomesReady(server, home.dataDirectory)) {
    server.unref();
    return { exited, stop };
  }
  await stop();
  throw await refusalIn(logFile, home.dataDirectory, options.port);
}

async function spawnServer(
  { home, binaries, port, durable }: PostmasterOptions,
  logFile: string,
): Promise<ChildProcess> {
  const settings = Object.entries(serverSettings(port, durable)).flatMap(([name, value]) => [
    "-c",
    `${name}=${value}`,
  ]);
  const log = await openLog(logFile, home.directory);
  try {
    const server = spawn(binaries.postgres, ["-D", home.dataDirectory, ...settings], {
      ...home.user,
      cwd: "/",
      env: serverEnvironment(),
      // A session of its own: Ctrl-C in the terminal is for us, and we stop the server when its clients are gone.
      detached: true,
      stdio: ["ignore", log.fd, log.fd],
    });
    await once(server, "spawn");
    return server;
  } finally {
    await log.close();
  }
}

/** One log per start, and the one before: enough to look into a crash, and never growing for ever. */
async function openLog(path: string, directory: string) {
  await rename(path, `${path}.previous`).catch((error: unknown) => {
    if (!hasErrorCode(error, "ENOENT")) throw error;
  });
  const log = await open(path, "a", 0o600);
  await giveToOwnerOf(directory, path);
  return log;
}

function hasEnded(server: ChildProcess): boolean {
  return server.exitCode !== null || server.signalCode !== null;
}

async function becomesReady(server: ChildProcess, dataDirectory: string): Promise<boolean> {
  const deadline = performance.now() + READY_WITHIN_MS;
  while (!hasEnded(server) && performance.now() < deadline) {
    const file = await readPostmasterFile(dataDirectory);
    // The file of a server that was killed lies there until the new one writes its own.
    if (file?.pid === server.pid && file?.ready) return true;
    await delay(POLL_MS);
  }
  return false;
}

/** A fast shutdown ends all sessions and writes a checkpoint; one that hangs is cut short, and recovery mends it. */
async function stopServer(server: ChildProcess, exited: Promise<PostgresExit>): Promise<void> {
  if (hasEnded(server)) return;
  server.ref();
  server.kill("SIGINT");
  const impatience = setTimeout(() => server.kill("SIGQUIT"), FAST_SHUTDOWN_MS);
  try {
    await exited;
  } finally {
    clearTimeout(impatience);
  }
}
