import { randomUUID } from "node:crypto";
import { link, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { EmbeddedPostgresError, hasErrorCode } from "./errors.ts";
import { giveToOwnerOf, replaceFile } from "./owned-files.ts";
import { findProcess, isAlive, type ProcessIdentity } from "./process-identity.ts";

export interface OwnerLock {
  release(): Promise<void>;
}

const PREFIX = "owner.";

/**
 * Makes this process the only owner of a folder until it releases the lock or dies, however it dies.
 *
 * The lock is the file with the highest number. A number is taken by an atomic link and only after the holder
 * of the number below is seen dead, and numbers never fall: two processes that find the same dead holder cannot
 * both win, which a single file that is removed and created anew would allow.
 */
export async function acquireOwnerLock(directory: string): Promise<OwnerLock> {
  const self = (await findProcess(process.pid)) ?? { pid: process.pid, startedAt: null };
  for (;;) {
    const highest = await highestNumber(directory);
    if (highest > 0) await refuseWhenHeld(directory, highest);
    const mine = highest + 1;
    if (!(await take(directory, mine, self))) continue;
    if ((await highestNumber(directory)) === mine) {
      await removeBelow(directory, mine);
      return { release: () => release(directory, mine) };
    }
    await rm(lockPath(directory, mine), { force: true });
  }
}

function lockPath(directory: string, number: number): string {
  return join(directory, `${PREFIX}${number}`);
}

async function lockNumbers(directory: string): Promise<number[]> {
  const names = await readdir(directory);
  return names.filter((name) => /^owner\.\d+$/.test(name)).map((name) => Number(name.slice(PREFIX.length)));
}

async function highestNumber(directory: string): Promise<number> {
  return Math.max(0, ...(await lockNumbers(directory)));
}

async function refuseWhenHeld(directory: string, number: number): Promise<void> {
  const holder = await readHolder(lockPath(directory, number));
  if (holder === null || !(await isAlive(holder))) return;
  throw new EmbeddedPostgresError(
    "ALREADY_RUNNING",
    `Another Runcast (process ${holder.pid}) already runs on ${directory}: stop it first, or start in another folder.`,
  );
}

/** Null when it was released, or replaced while we looked, or torn by a power cut that its holder did not survive. */
async function readHolder(path: string): Promise<ProcessIdentity | null> {
  try {
    return JSON.parse(await readFile(path, "utf8")) as ProcessIdentity | null;
  } catch (error) {
    if (error instanceof SyntaxError || hasErrorCode(error, "ENOENT")) return null;
    throw error;
  }
}

async function take(directory: string, number: number, self: ProcessIdentity): Promise<boolean> {
  const draft = join(directory, `${PREFIX}draft-${randomUUID()}`);
  await writeFile(draft, JSON.stringify(self), { mode: 0o644 });
  try {
    await giveToOwnerOf(directory, draft);
    await link(draft, lockPath(directory, number));
    return true;
  } catch (error) {
    if (hasErrorCode(error, "EEXIST")) return false;
    throw error;
  } finally {
    await rm(draft, { force: true });
  }
}

async function removeBelow(directory: string, mine: number): Promise<void> {
  const older = (await lockNumbers(directory)).filter((number) => number < mine);
  await Promise.all(older.map((number) => rm(lockPath(directory, number), { force: true })));
}

/** The file stays, without a holder: were it removed, numbers would start again and a slow starter could win twice. */
async function release(directory: string, number: number): Promise<void> {
  await replaceFile(lockPath(directory, number), "null", 0o644).catch((error: unknown) => {
    if (!hasErrorCode(error, "ENOENT")) throw error;
  });
}
