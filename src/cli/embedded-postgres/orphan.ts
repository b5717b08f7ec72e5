import { access, readFile, rename } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { EmbeddedPostgresError, hasErrorCode } from "./errors.ts";
import { commandLine, findProcess, isAlive, type ProcessIdentity } from "./process-identity.ts";

const FAST_SHUTDOWN_MS = 30_000;
const IMMEDIATE_SHUTDOWN_MS = 10_000;
const POLL_MS = 20;

/** What a running server writes about itself into its data directory. */
export interface PostmasterFile {
  readonly pid: number;
  readonly dataDirectory: string;
  readonly ready: boolean;
}

export async function readPostmasterFile(dataDirectory: string): Promise<PostmasterFile | null> {
  try {
    const lines = (await readFile(postmasterFile(dataDirectory), "utf8")).split("\n");
    const pid = Number(lines[0]);
    if (!Number.isInteger(pid) || pid <= 0) return null;
    return { pid, dataDirectory: lines[1] ?? "", ready: lines[7]?.trim() === "ready" };
  } catch (error) {
    if (hasErrorCode(error, "ENOENT")) return null;
    throw error;
  }
}

function postmasterFile(dataDirectory: string): string {
  return join(dataDirectory, "postmaster.pid");
}

/**
 * Ends a server that outlived its owner. The caller holds the lock of the folder, so nobody else needs it.
 * @returns the number of the process that was stopped, or null
 */
export async function stopOrphan(dataDirectory: string): Promise<number | null> {
  const file = await readPostmasterFile(dataDirectory);
  const found = file === null ? null : await findProcess(file.pid);
  if (file === null || found === null) return null;
  if (!(await isServerOf(file, dataDirectory))) {
    // Its number went to another program, for which PostgreSQL would take it to be alive and refuse to start.
    await rename(postmasterFile(dataDirectory), `${postmasterFile(dataDirectory)}.stale`);
    return null;
  }
  const stopped =
    (await endWith("SIGINT", found, FAST_SHUTDOWN_MS)) ||
    (await endWith("SIGQUIT", found, IMMEDIATE_SHUTDOWN_MS));
  if (stopped) return found.pid;
  throw stillRunning(found.pid, dataDirectory);
}

function stillRunning(pid: number, dataDirectory: string): EmbeddedPostgresError {
  return new EmbeddedPostgresError(
    "ALREADY_RUNNING",
    `A PostgreSQL server of an earlier start (process ${pid}) still holds ${dataDirectory}: end it, then start again.`,
  );
}

async function isServerOf(file: PostmasterFile, dataDirectory: string): Promise<boolean> {
  const command = await commandLine(file.pid);
  if (command === null) throw stillRunning(file.pid, dataDirectory);
  if (!command.includes("postgres") || !command.includes(file.dataDirectory)) return false;
  // A copied folder names the server of its original, which is none of our business; a moved one names its own.
  return file.dataDirectory === dataDirectory || !(await exists(file.dataDirectory));
}

async function endWith(signal: NodeJS.Signals, target: ProcessIdentity, withinMs: number): Promise<boolean> {
  try {
    process.kill(target.pid, signal);
  } catch (error) {
    if (hasErrorCode(error, "ESRCH")) return true;
    throw error;
  }
  const deadline = performance.now() + withinMs;
  while (await isAlive(target)) {
    if (performance.now() > deadline) return false;
    await delay(POLL_MS);
  }
  return true;
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    (error: unknown) => !hasErrorCode(error, "ENOENT", "ENOTDIR"),
  );
}
