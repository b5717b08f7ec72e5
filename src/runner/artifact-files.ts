import { createHash } from "node:crypto";
import { constants } from "node:fs";
import { type FileHandle, open, realpath } from "node:fs/promises";
import { join } from "node:path";
import { artifactPathFault } from "../domain/artifact-paths.ts";

const MAX_FILES = 1_000;

/** Files cannot be kept, or not be placed; the message is for the workflow's author. */
export class ArtifactError extends Error {
  override readonly name = "ArtifactError";
}

export interface ArtifactFile {
  readonly path: string;
  readonly size: number;
  /** In hex. */
  readonly sha256: string;
  readonly executable: boolean;
}

/**
 * The files below the workspace that match, links aside: what they lead to may lie elsewhere.
 * @throws ArtifactError
 */
export async function findArtifacts(workspace: string, globs: readonly string[]): Promise<string[]> {
  // Few steps keep files: the others do not pay for it.
  const { glob } = await import("tinyglobby");
  const options = { cwd: workspace, dot: true, onlyFiles: true, followSymbolicLinks: false };
  const found = await glob([...globs], { ...options, ignore: [".git/**"] });
  if (found.length > MAX_FILES)
    throw new ArtifactError(`${found.length} files are to be kept, and a step can keep at most ${MAX_FILES}`);
  for (const path of found) {
    const fault = artifactPathFault(path);
    if (fault !== null) throw new ArtifactError(`${JSON.stringify(path)} cannot be kept: its path ${fault}`);
  }
  return found.sort();
}

/**
 * Opens a file of the workspace that was found there. Null when the way to it leads over a link, out of the workspace
 * or not, or when it is no file any more. The caller closes it.
 */
export async function openArtifact(workspace: string, path: string): Promise<FileHandle | null> {
  const file = join(workspace, path);
  if ((await realpath(file).catch(() => null)) !== join(await realpath(workspace), path)) return null;
  // Between the look and the opening another step of the run may have put a link or a pipe in its place.
  const handle = await open(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  if ((await handle.stat()).isFile()) return handle;
  await handle.close();
  return null;
}

export async function describeArtifact(path: string, handle: FileHandle): Promise<ArtifactFile> {
  const { size, mode } = await handle.stat();
  const hash = createHash("sha256");
  for await (const chunk of contentOf(handle)) hash.update(chunk as Buffer);
  return { path, size, sha256: hash.digest("hex"), executable: (mode & constants.S_IXUSR) !== 0 };
}

/** From the start, and the handle stays open. */
export function contentOf(handle: FileHandle) {
  return handle.createReadStream({ start: 0, autoClose: false });
}
