import { randomUUID } from "node:crypto";
import { link, mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { HAS_PROCESS_TABLE, readProcess } from "./process-table.ts";
import { trySignal } from "./processes.ts";
import { pause } from "./waiting.ts";

/** The runner cannot be started as it is set up; the message is one line for its operator. */
export class RunnerSetupError extends Error {
  override readonly name = "RunnerSetupError";
}

/** The directory that belongs to one runner at a time. */
export interface WorkDirectory {
  readonly path: string;
  /** Stays the same for the directory's life: how a later runner knows processes of an earlier one. */
  readonly id: string;
  release(): Promise<void>;
}

interface LockHolder {
  readonly pid: number;
  readonly startedAt: number;
  /** Makes every taking of the lock different. */
  readonly nonce: string;
}

const TAKEOVER_SETTLE_MS = 50;

/** @throws RunnerSetupError when another living runner uses the directory or it cannot be written */
export async function openWorkDirectory(path: string): Promise<WorkDirectory> {
  try {
    await mkdir(join(path, "runs"), { recursive: true, mode: 0o700 });
    const release = await lock(path);
    return { path, id: await stableId(path), release };
  } catch (error) {
    if (error instanceof RunnerSetupError) throw error;
    throw new RunnerSetupError(`work directory ${path} cannot be used: ${(error as Error).message}`);
  }
}

async function lock(path: string): Promise<() => Promise<void>> {
  const file = join(path, "runner.lock");
  const nonce = randomUUID();
  const draft = `${file}.${nonce}`;
  await writeFile(draft, JSON.stringify({ pid: process.pid, startedAt: startOf(process.pid), nonce }));
  try {
    await link(draft, file); // unlike creating the file, this never shows it half-written
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    await takeOver(path, file, draft, nonce);
  } finally {
    await rm(draft, { force: true });
  }
  return async () => {
    if ((await readHolder(file))?.nonce === nonce) await rm(file, { force: true });
  };
}

/** Replaces a dead runner's lock. Of two that try it at once, the last to write wins and the other sees that. */
async function takeOver(path: string, file: string, draft: string, nonce: string): Promise<void> {
  const holder = await readHolder(file);
  if (holder !== null && isAlive(holder)) throw inUse(path, holder);
  await rename(draft, file);
  await pause(TAKEOVER_SETTLE_MS);
  const winner = await readHolder(file);
  if (winner?.nonce !== nonce) throw inUse(path, winner);
}

function inUse(path: string, holder: LockHolder | null): RunnerSetupError {
  const who = holder === null ? "another runner" : `the runner with process id ${holder.pid}`;
  return new RunnerSetupError(`work directory ${path} is in use by ${who}; give this one its own`);
}

async function readHolder(file: string): Promise<LockHolder | null> {
  try {
    return JSON.parse(await readFile(file, "utf8")) as LockHolder;
  } catch {
    return null; // gone, or torn by a crash while it was written
  }
}

function isAlive({ pid, startedAt }: LockHolder): boolean {
  if (!HAS_PROCESS_TABLE) return pid === process.pid || trySignal(pid, 0) === "SENT";
  const holder = readProcess(pid);
  return holder !== null && !holder.zombie && holder.startedAt === startedAt;
}

function startOf(pid: number): number {
  return readProcess(pid)?.startedAt ?? 0;
}

async function stableId(path: string): Promise<string> {
  const file = join(path, "runner-id");
  const stored = await readFile(file, "utf8").catch(() => "");
  if (/^rc[0-9a-f]{32}$/.test(stored)) return stored;
  const id = `rc${randomUUID().replaceAll("-", "")}`;
  await writeFile(file, id);
  return id;
}
