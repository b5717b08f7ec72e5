import { execFile } from "node:child_process";
import { stat } from "node:fs/promises";
import { promisify } from "node:util";
import { EmbeddedPostgresError, hasErrorCode } from "./errors.ts";
import { RUNS_AS_ROOT } from "./owned-files.ts";

/** As whom PostgreSQL runs; empty = as the user of this process. Fits the options of `spawn`. */
export interface ServerUser {
  readonly uid?: number;
  readonly gid?: number;
}

const SAME_USER: ServerUser = {};

/** PostgreSQL refuses to run as root, so root lends it to `postgres` or `nobody`. */
export async function systemUser(): Promise<ServerUser> {
  if (!RUNS_AS_ROOT) return SAME_USER;
  for (const name of ["postgres", "nobody"]) {
    const [uid, gid] = await Promise.all([numericId("-u", name), numericId("-g", name)]);
    if (uid !== null && gid !== null && uid !== 0) return { uid, gid };
  }
  throw new EmbeddedPostgresError(
    "PERMISSION",
    "PostgreSQL does not run as root and this system has neither a user postgres nor nobody: start Runcast as an ordinary user, or set DATABASE_URL.",
  );
}

async function numericId(flag: "-u" | "-g", name: string): Promise<number | null> {
  try {
    const { stdout } = await promisify(execFile)("id", [flag, name]);
    return Number(stdout);
  } catch {
    return null;
  }
}

/**
 * The user that an existing path obliges us to run as; null when the path is absent or any user will do.
 * @throws EmbeddedPostgresError when the path belongs to a user that this process cannot act for
 */
export async function ownerToRunAs(path: string): Promise<ServerUser | null> {
  const owner = await stat(path).catch((error: unknown) => {
    if (hasErrorCode(error, "ENOENT")) return null;
    throw error;
  });
  if (owner === null) return null;
  if (RUNS_AS_ROOT) return owner.uid === 0 ? null : { uid: owner.uid, gid: owner.gid };
  if (owner.uid === process.getuid?.()) return SAME_USER;
  throw new EmbeddedPostgresError(
    "PERMISSION",
    `${path} belongs to ${await userName(owner.uid)}: start Runcast as that user or as root, or start in another folder.`,
  );
}

async function userName(uid: number): Promise<string> {
  if (uid === 0) return "root";
  try {
    const { stdout } = await promisify(execFile)("id", ["-un", String(uid)]);
    return `user ${stdout.trim()}`;
  } catch {
    return `user id ${uid}`;
  }
}

/** Asks the system itself, for only it knows every right on the way: owners, groups, access lists. */
export async function canEnter(user: ServerUser, directory: string): Promise<boolean> {
  try {
    await promisify(execFile)("sh", ["-c", 'cd -- "$1"', "sh", directory], { ...user, cwd: "/" });
    return true;
  } catch {
    return false;
  }
}
