import { chown, lchown, rename, stat, writeFile } from "node:fs/promises";
import { dirname } from "node:path";

export const RUNS_AS_ROOT = process.getuid?.() === 0;

/** What root writes into a user's folder must stay usable when that user starts the next time without root. */
export async function giveToOwnerOf(directory: string, path: string): Promise<void> {
  if (!RUNS_AS_ROOT) return;
  const { uid, gid } = await stat(directory);
  await lchown(path, uid, gid);
}

/** Never half written: readers see the old content or the new. The file belongs to the owner of its folder. */
export async function replaceFile(path: string, content: string, mode: number): Promise<void> {
  const draft = `${path}.${process.pid}.tmp`;
  await writeFile(draft, content, { mode });
  await giveToOwnerOf(dirname(path), draft);
  await rename(draft, path);
}

export async function giveTo(path: string, user: { uid?: number; gid?: number }): Promise<void> {
  if (user.uid !== undefined && user.gid !== undefined) await chown(path, user.uid, user.gid);
}
