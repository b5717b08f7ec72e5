import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { promisify } from "node:util";

/** A process that cannot be mistaken for a later one with the same number. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Opaque; null when the system does not tell, as for a process of another user under `hidepid`. */
  readonly startedAt: string | null;
}

/** Null when no such process lives. A zombie is dead: it only waits to be reaped and `kill(pid, 0)` cannot tell. */
export async function findProcess(pid: number): Promise<ProcessIdentity | null> {
  if (!isSignalable(pid)) return null;
  const seen = process.platform === "linux" ? await readProc(pid) : await readPs(pid);
  if (seen === null) return isSignalable(pid) ? { pid, startedAt: null } : null;
  return seen.zombie ? null : { pid, startedAt: seen.startedAt };
}

/** Counts an unknown start time as the same process: on doubt the other one is alive. */
export async function isAlive(identity: ProcessIdentity): Promise<boolean> {
  const found = await findProcess(identity.pid);
  if (found === null) return false;
  return found.startedAt === null || identity.startedAt === null || found.startedAt === identity.startedAt;
}

/** The command line of a process, or null when it cannot be read. */
export async function commandLine(pid: number): Promise<string | null> {
  try {
    if (process.platform !== "linux") return await ps(pid, "command=");
    return (await readFile(`/proc/${pid}/cmdline`, "utf8")).replaceAll("\0", " ");
  } catch {
    return null;
  }
}

function isSignalable(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

interface ProcessState {
  readonly zombie: boolean;
  readonly startedAt: string;
}

async function readProc(pid: number): Promise<ProcessState | null> {
  try {
    const [stat, boot] = await Promise.all([
      readFile(`/proc/${pid}/stat`, "utf8"),
      readFile("/proc/sys/kernel/random/boot_id", "utf8").catch(() => ""),
    ]);
    // The second field is the program's name in parentheses and may hold anything, so count from its end.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const [state, ticksSinceBoot] = [fields[0]!, fields[19]!];
    return { zombie: state === "Z" || state === "X", startedAt: `${boot.trim()}/${ticksSinceBoot}` };
  } catch {
    return null;
  }
}

async function readPs(pid: number): Promise<ProcessState | null> {
  try {
    const [state = "", ...started] = (await ps(pid, "stat=,lstart=")).trim().split(/\s+/);
    return { zombie: state.startsWith("Z"), startedAt: started.join(" ") };
  } catch {
    return null;
  }
}

async function ps(pid: number, columns: string): Promise<string> {
  const { stdout } = await promisify(execFile)("ps", ["-o", columns, "-p", String(pid)]);
  return stdout;
}
