import { accessSync, constants, readFileSync, statfsSync } from "node:fs";
import { tmpdir } from "node:os";

const MEMORY = "/dev/shm";
/** A PostgreSQL of the tests takes up to 1 GiB for its write-ahead log alone; two workers have their own besides. */
const ENOUGH_BYTES = 4 * 2 ** 30;

/**
 * Where the tests keep their throw-away files: memory, where there is plenty of it. A PostgreSQL database is about a
 * thousand files, and on a disk making them took most of the time of most tests. TMPDIR decides when it is set.
 */
export function scratchFolder(): string {
  if (process.env["TMPDIR"] !== undefined || !isUsable(MEMORY)) return tmpdir();
  return MEMORY;
}

function isUsable(folder: string): boolean {
  try {
    accessSync(folder, constants.W_OK | constants.X_OK);
    const { bavail, bsize } = statfsSync(folder);
    return bavail * bsize >= ENOUGH_BYTES && allowsPrograms(folder);
  } catch {
    return false;
  }
}

/** Containers often mount it without: steps of tests run programs that they have just written. */
function allowsPrograms(folder: string): boolean {
  const mounts = readFileSync("/proc/self/mounts", "utf8").split("\n");
  const options = mounts.map((line) => line.split(" ")).findLast(([, place]) => place === folder)?.[3];
  return options !== undefined && !options.split(",").includes("noexec");
}
