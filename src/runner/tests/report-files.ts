import { constants } from "node:fs";
import { type FileHandle, open, realpath, rm } from "node:fs/promises";
import { dirname, join, sep } from "node:path";
import { glob } from "tinyglobby";

/** Larger reports are refused: somebody has to look at what is in them. */
const MAX_REPORT_BYTES = 512 * 1024 * 1024;

/** Paths, relative to the workspace, of the files that the globs match; nothing that lies outside, by links either. */
export async function findReports(workspace: string, globs: readonly string[]): Promise<string[]> {
  const root = await realpath(workspace);
  const found = await glob([...globs], {
    cwd: root,
    onlyFiles: true,
    dot: true,
    followSymbolicLinks: false,
    expandDirectories: false,
  });
  const inside = await Promise.all(found.map((file) => liesInside(root, file)));
  return found.filter((_, index) => inside[index]).sort();
}

async function liesInside(root: string, file: string): Promise<boolean> {
  const folder = await realpath(dirname(join(root, file))).catch(() => null);
  return folder !== null && (folder === root || folder.startsWith(root + sep));
}

/** What an earlier attempt, or the repository itself, left would be taken for results of the command. */
export async function removeReports(workspace: string, globs: readonly string[]): Promise<number> {
  const files = await findReports(workspace, globs);
  for (const file of files) await rm(join(workspace, file), { force: true });
  return files.length;
}

/** Rejects with an error in plain words when the file is none that can be read. */
export async function openReport(workspace: string, file: string): Promise<FileHandle> {
  // The step could have put anything in its place: a link elsewhere, a pipe that never ends.
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
  const handle = await open(join(workspace, file), flags);
  const stats = await handle.stat();
  if (stats.isFile() && stats.size <= MAX_REPORT_BYTES) return handle;
  await handle.close();
  throw new Error(stats.isFile() ? "is larger than 512 MiB" : "is not a regular file");
}
