import { randomUUID } from "node:crypto";
import { chmod, copyFile, lstat, mkdir, readdir, readlink, rename, rm, symlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { hasErrorCode } from "./errors.ts";

const OTHERS_READ = 0o004;
const OTHERS_ENTER = 0o005;
const OWNER_EXECUTES = 0o100;

/** Whether every file below can be read, and every folder entered, by any user who gets as far as `directory`. */
export async function isReadableForEveryone(directory: string): Promise<boolean> {
  const { mode } = await lstat(directory);
  if ((mode & OTHERS_ENTER) !== OTHERS_ENTER) return false;
  const entries = await readdir(directory, { withFileTypes: true });
  const verdicts = await Promise.all(
    entries.map(async (entry) => {
      const path = join(directory, entry.name);
      if (entry.isDirectory()) return isReadableForEveryone(path);
      if (entry.isSymbolicLink()) return true;
      const file = await lstat(path);
      const wanted = (file.mode & OWNER_EXECUTES) !== 0 ? OTHERS_ENTER : OTHERS_READ;
      return (file.mode & wanted) === wanted;
    }),
  );
  return verdicts.every(Boolean);
}

/**
 * Copies parts of `source` so that every user can read and run them, whatever the umask and the modes of the
 * original, while only we can change them. An existing copy is kept; a new one appears complete or not at all.
 */
export async function copyForEveryone(
  source: string,
  target: string,
  parts: readonly string[],
  complete: (draft: string) => Promise<void>,
): Promise<void> {
  if (await exists(target)) return;
  await makeFolderForEveryone(dirname(target));
  const draft = `${target}.${randomUUID()}.tmp`;
  try {
    await makeFolder(draft);
    for (const part of parts) await copyTree(join(source, part), join(draft, part));
    await complete(draft);
    await rename(draft, target);
  } catch (error) {
    await rm(draft, { recursive: true, force: true });
    // Another start was faster; its copy is as good as ours.
    if (!hasErrorCode(error, "ENOTEMPTY", "EEXIST")) throw error;
  }
}

/** Makes the folder and its missing parents enterable for every user, whatever the umask; touches no existing one. */
export async function makeFolderForEveryone(path: string): Promise<void> {
  if (await exists(path)) return;
  await makeFolderForEveryone(dirname(path));
  await makeFolder(path);
}

async function makeFolder(path: string): Promise<void> {
  try {
    await mkdir(path);
  } catch (error) {
    if (hasErrorCode(error, "EEXIST")) return;
    throw error;
  }
  await chmod(path, 0o755);
}

async function copyTree(source: string, target: string): Promise<void> {
  const found = await lstat(source);
  if (found.isSymbolicLink()) return symlink(await readlink(source), target);
  if (!found.isDirectory()) {
    await copyFile(source, target);
    return chmod(target, (found.mode & OWNER_EXECUTES) !== 0 ? 0o755 : 0o644);
  }
  await makeFolder(target);
  for (const name of await readdir(source)) await copyTree(join(source, name), join(target, name));
}

async function exists(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    (error: unknown) => {
      if (hasErrorCode(error, "ENOENT")) return false;
      throw error;
    },
  );
}
