import { createHash, randomUUID } from "node:crypto";
import { link, mkdir, readFile, realpath, rm, stat, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { EmbeddedPostgresError, hasErrorCode } from "./errors.ts";
import { RUNS_AS_ROOT } from "./owned-files.ts";
import { canEnter, ownerToRunAs, type ServerUser, systemUser } from "./server-user.ts";
import { makeFolderForEveryone } from "./shared-copy.ts";

/** The folder of one cluster: its data, password, port, log and lock lie side by side. */
export interface ClusterHome {
  readonly directory: string;
  readonly dataDirectory: string;
  /** As whom PostgreSQL runs there. */
  readonly user: ServerUser;
}

/**
 * Normally `postgres/` below the data root. Root's own home is closed to the user that PostgreSQL then runs as;
 * the cluster goes below `sharedRoot` then, and a file in `postgres/` says where, so that moving the data root
 * keeps its data and removing it starts afresh.
 */
export async function findHome(dataRoot: string, sharedRoot: string): Promise<ClusterHome> {
  const local = join(resolve(dataRoot), "postgres");
  await (RUNS_AS_ROOT ? makeFolderForEveryone(local) : mkdir(local, { recursive: true }));
  const elsewhere = await readPointer(local);
  if (elsewhere !== null) return openHome(elsewhere);

  const home = await openHome(await realpath(local));
  if (await canEnter(home.user, home.directory)) return home;
  if (await isFolder(home.dataDirectory)) {
    throw new EmbeddedPostgresError(
      "PERMISSION",
      `The user that PostgreSQL runs as (user id ${home.user.uid}) cannot reach ${home.dataDirectory}: open the folders above it (chmod o+x), or start as an ordinary user.`,
    );
  }
  const shared = await settleElsewhere(local, sharedRoot);
  await makeFolderForEveryone(shared);
  return openHome(shared);
}

async function openHome(directory: string): Promise<ClusterHome> {
  const dataDirectory = join(directory, "data");
  const user = (await ownerToRunAs(dataDirectory)) ?? (await ownerToRunAs(directory)) ?? (await systemUser());
  return { directory, dataDirectory, user };
}

const POINTER = "location";

async function readPointer(local: string): Promise<string | null> {
  try {
    const directory = (await readFile(join(local, POINTER), "utf8")).trim();
    if (await isFolder(directory)) return directory;
    throw new EmbeddedPostgresError(
      "DATA_DIRECTORY_BROKEN",
      `The database of this folder lies in ${directory}, which is missing: bring it back, or remove ${join(local, POINTER)} to start with an empty one.`,
    );
  } catch (error) {
    if (hasErrorCode(error, "ENOENT")) return null;
    throw error;
  }
}

/** The folder exists before the pointer names it, and of several starters at once the first one decides. */
async function settleElsewhere(local: string, sharedRoot: string): Promise<string> {
  const name = createHash("sha256").update(`${local}\0${randomUUID()}`).digest("hex").slice(0, 16);
  const directory = join(sharedRoot, name);
  await makeFolderForEveryone(directory);
  const draft = join(local, `${POINTER}.${randomUUID()}.tmp`);
  await writeFile(draft, `${directory}\n`);
  try {
    await link(draft, join(local, POINTER));
    return directory;
  } catch (error) {
    if (!hasErrorCode(error, "EEXIST")) throw error;
    await rm(directory, { recursive: true });
    return (await readPointer(local)) ?? directory;
  } finally {
    await rm(draft, { force: true });
  }
}

async function isFolder(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch (error) {
    if (hasErrorCode(error, "ENOENT", "ENOTDIR")) return false;
    throw error;
  }
}
