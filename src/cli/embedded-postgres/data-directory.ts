import { execFile } from "node:child_process";
import { randomBytes, randomUUID } from "node:crypto";
import { mkdir, open, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import type { PostgresBinaries } from "./binaries.ts";
import { SUPERUSER, serverEnvironment } from "./cluster-settings.ts";
import { EmbeddedPostgresError, hasErrorCode } from "./errors.ts";
import type { ClusterHome } from "./home.ts";
import { giveTo } from "./owned-files.ts";
import type { ServerUser } from "./server-user.ts";
import { watchOver } from "./watchdog.ts";

/**
 * Makes sure of a whole cluster with its password. A cluster that exists is looked at and never changed.
 * The caller holds the lock of the home.
 * @returns whether the cluster is new
 */
export async function prepareDataDirectory(
  home: ClusterHome,
  binaries: PostgresBinaries,
  durable: boolean,
): Promise<boolean> {
  if (await holdsCluster(home.dataDirectory, binaries.majorVersion)) return false;
  await removeUnfinished(home.directory);
  await createPassword(home.directory, home.user);
  await createCluster(home, binaries, durable);
  return true;
}

export async function readPassword(directory: string): Promise<string> {
  const path = passwordFile(directory);
  try {
    return (await readFile(path, "utf8")).trim();
  } catch (error) {
    if (!hasErrorCode(error, "ENOENT")) throw error;
    throw broken(`The password of the embedded PostgreSQL is gone: ${path} is missing`, directory);
  }
}

function passwordFile(directory: string): string {
  return join(directory, "password");
}

function broken(what: string, path: string): EmbeddedPostgresError {
  return new EmbeddedPostgresError(
    "DATA_DIRECTORY_BROKEN",
    `${what}. Nothing was changed: restore a backup, or move ${path} away to start with an empty database.`,
  );
}

async function holdsCluster(dataDirectory: string, majorVersion: string): Promise<boolean> {
  const names = await readdir(dataDirectory).catch((error: unknown) => {
    if (hasErrorCode(error, "ENOENT")) return [];
    if (hasErrorCode(error, "ENOTDIR")) throw broken(`${dataDirectory} is not a folder`, dataDirectory);
    throw error;
  });
  if (names.length === 0) return false;
  const version = await readVersion(dataDirectory);
  if (version !== majorVersion) {
    throw new EmbeddedPostgresError(
      "VERSION_MISMATCH",
      `${dataDirectory} was made by PostgreSQL ${version} and this Runcast brings PostgreSQL ${majorVersion}, which cannot open it. Nothing was changed: use the Runcast release that made it, or move it away to start with an empty database.`,
    );
  }
  const control = await stat(join(dataDirectory, "global", "pg_control")).catch((error: unknown) => {
    if (hasErrorCode(error, "ENOENT", "ENOTDIR")) return null;
    throw error;
  });
  if (control === null)
    throw broken(`${dataDirectory} is damaged: global/pg_control is missing`, dataDirectory);
  return true;
}

async function readVersion(dataDirectory: string): Promise<string> {
  const content = await readFile(join(dataDirectory, "PG_VERSION"), "utf8").catch((error: unknown) => {
    if (hasErrorCode(error, "ENOENT", "EISDIR")) return "";
    throw error;
  });
  const version = content.trim();
  if (!/^\d+(\.\d+)?$/.test(version)) {
    throw broken(
      `${dataDirectory} is not a PostgreSQL data directory: its PG_VERSION is missing or unreadable`,
      dataDirectory,
    );
  }
  return version;
}

const UNFINISHED = "data.unfinished-";

/**
 * What an interrupted first start left: it never was the data directory, so nothing of anybody can be in it. The
 * program that filled it may need a moment to end, and what then remains is removed by the next start.
 */
async function removeUnfinished(directory: string): Promise<void> {
  const names = (await readdir(directory)).filter((name) => name.startsWith(UNFINISHED));
  const options = { recursive: true, force: true, maxRetries: 10, retryDelay: 50 };
  await Promise.allSettled(names.map((name) => rm(join(directory, name), options)));
}

/** Lies there before the cluster does: a cluster that nobody knows the password of would be lost. */
async function createPassword(directory: string, user: ServerUser): Promise<void> {
  const path = passwordFile(directory);
  try {
    await writeFile(path, `${randomBytes(24).toString("base64url")}\n`, {
      mode: 0o600,
      flag: "wx",
      flush: true,
    });
  } catch (error) {
    if (!hasErrorCode(error, "EEXIST")) throw error;
  }
  await giveTo(path, user);
}

/** Elsewhere first, then renamed: a data directory is whole or absent, whenever the power goes. */
async function createCluster(home: ClusterHome, binaries: PostgresBinaries, durable: boolean): Promise<void> {
  const draft = join(home.directory, `${UNFINISHED}${randomUUID()}`);
  await mkdir(draft, { mode: 0o700 });
  await giveTo(draft, home.user);
  const settings = [
    `--pgdata=${draft}`,
    `--username=${SUPERUSER}`,
    `--pwfile=${passwordFile(home.directory)}`,
    "--encoding=UTF8",
    "--locale-provider=builtin",
    "--locale=C.UTF-8",
    "--auth=scram-sha-256",
    "--no-instructions",
    ...(durable ? [] : ["--no-sync"]),
  ];
  try {
    await runInitdb(binaries.initdb, settings, home.user);
    await rename(draft, home.dataDirectory);
    if (durable) await syncFolder(home.directory);
  } catch (error) {
    await rm(draft, { recursive: true, force: true });
    throw initdbError(error);
  }
}

async function runInitdb(initdb: string, settings: string[], user: ServerUser): Promise<void> {
  const run = promisify(execFile)(initdb, settings, { ...user, cwd: "/", env: serverEnvironment() });
  const watchdog = run.child.pid === undefined ? null : watchOver(run.child.pid, user);
  try {
    await run;
  } finally {
    watchdog?.kill("SIGKILL");
  }
}

function initdbError(error: unknown): unknown {
  const { stderr } = error as { stderr?: string };
  const reason = stderr?.split("\n").find((line) => line.includes("error: "));
  if (reason === undefined) return error;
  return new EmbeddedPostgresError(
    "START_FAILED",
    `The embedded PostgreSQL could not make its data directory: ${reason.trim()}`,
    { cause: error },
  );
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path);
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
