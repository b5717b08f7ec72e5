import { setImmediate as nextTurn } from "node:timers/promises";
import {
  HAS_PROCESS_TABLE,
  nextProcessTable,
  type ProcessEntry,
  type ProcessTable,
  readProcess,
} from "./process-table.ts";
import { monotonicMs, pause } from "./waiting.ts";

/** A session and process group, named by its leader. */
export interface ProcessGroup {
  readonly pid: number;
  /** See ProcessEntry.startedAt; 0 = unknown. */
  readonly startedAt: number;
}

export interface ProcessTarget {
  readonly groups: readonly ProcessGroup[];
  /** Decides whether a cookie's token belongs to the target. */
  readonly ownsToken: (token: string) => boolean;
  /** Nothing older can belong to it (ticks since boot): spares reading most environments. */
  readonly startedSince: number;
  /** Start by pid of everything found so far: once found, nothing escapes by losing its parent. */
  readonly known: Map<number, number>;
}

export function describeGroup(leaderPid: number): ProcessGroup {
  return { pid: leaderPid, startedAt: readProcess(leaderPid)?.startedAt ?? 0 };
}

const UNREADABLE_TABLE_PAUSE_MS = 50;

export interface FoundProcess {
  /** What to signal: a process, or where single processes cannot be seen, minus the pid of a group's leader. */
  readonly pid: number;
  readonly group: number;
}

/**
 * Living processes of the target: members of its sessions and groups, carriers of its cookie, and all of their
 * descendants. Zombies are dead. Without /proc only whole groups are seen.
 */
export async function findProcesses(target: ProcessTarget): Promise<FoundProcess[]> {
  if (!HAS_PROCESS_TABLE) {
    await nextTurn();
    const alive = target.groups.filter(({ pid }) => trySignal(-pid, 0) !== "GONE");
    return alive.map(({ pid }) => ({ pid: -pid, group: pid }));
  }
  for (;;) {
    try {
      return matchProcesses(await nextProcessTable(), target);
    } catch {
      // Out of file descriptors, most likely. Not to know is no answer here: others rely on who is dead.
      await pause(UNREADABLE_TABLE_PAUSE_MS);
    }
  }
}

function matchProcesses(table: ProcessTable, target: ProcessTarget): FoundProcess[] {
  const groups = new Set(target.groups.filter((group) => !isReused(table, group)).map(({ pid }) => pid));
  const children = new Map<number, ProcessEntry[]>();
  const found = new Set<ProcessEntry>();
  for (const entry of table.entries) {
    if (entry.zombie || entry.pid === process.pid || entry.pid === 1) continue;
    const siblings = children.get(entry.parent);
    if (siblings) siblings.push(entry);
    else children.set(entry.parent, [entry]);
    if (entry.startedAt < target.startedSince) continue;
    const member = groups.has(entry.session) || groups.has(entry.group);
    const known = target.known.get(entry.pid) === entry.startedAt;
    if (member || known || table.cookieTokens(entry.pid).some(target.ownsToken)) found.add(entry);
  }
  // A set visits what is added while it is walked: this reaches every generation.
  for (const { pid } of found) for (const child of children.get(pid) ?? []) found.add(child);
  for (const { pid, startedAt } of found) target.known.set(pid, startedAt);
  return [...found];
}

/** A leader's pid is given out again only when its whole group is gone; whoever has it now is a stranger. */
function isReused(table: ProcessTable, group: ProcessGroup): boolean {
  if (group.startedAt === 0) return false;
  const holder = table.entries.find(({ pid }) => pid === group.pid);
  return holder !== undefined && holder.startedAt !== group.startedAt;
}

export type SignalResult = "SENT" | "GONE" | "DENIED";

/** Signals a process, or with a negative number a group. Signal 0 only asks whether it exists. */
export function trySignal(pid: number, signal: NodeJS.Signals | 0): SignalResult {
  if (!Number.isSafeInteger(pid) || Math.abs(pid) <= 1 || pid === process.pid) return "DENIED";
  try {
    process.kill(pid, signal);
    return "SENT";
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ESRCH" ? "GONE" : "DENIED";
  }
}

/** Kills what is left of a group, without looking at other processes. */
export function killGroup(group: ProcessGroup): void {
  const holder = readProcess(group.pid);
  if (holder === null || holder.startedAt === group.startedAt) trySignal(-group.pid, "SIGKILL");
}

export interface SweepOptions {
  /** Called once when something has survived SIGKILL for a while. */
  readonly onSurvivors?: (pids: readonly number[]) => void;
  /** Stop waiting for processes that this user may not signal. */
  readonly leaveDenied?: boolean;
  readonly signal?: AbortSignal;
}

const SURVIVORS_AFTER_MS = 5_000;
const MAX_SWEEP_PAUSE_MS = 250;

/**
 * Kills until nothing of the target is found, so what forks while being killed dies too. Resolves to the pids it
 * killed, once they are confirmed dead.
 */
export async function sweepProcesses(
  target: ProcessTarget,
  options: SweepOptions = {},
): Promise<Set<number>> {
  const killed = new Set<number>();
  const denied = new Set<number>();
  const startedAt = monotonicMs();
  let reported = false;
  for (let wait = 2; ; wait = Math.min(wait * 2, MAX_SWEEP_PAUSE_MS)) {
    const found = (await findProcesses(target)).map(({ pid }) => pid);
    for (const pid of found) (trySignal(pid, "SIGKILL") === "DENIED" ? denied : killed).add(pid);
    const awaited = options.leaveDenied ? found.filter((pid) => !denied.has(pid)) : found;
    const stubborn = awaited.length === 0 || monotonicMs() - startedAt > SURVIVORS_AFTER_MS;
    if (found.length > 0 && stubborn && !reported) {
      reported = true;
      options.onSurvivors?.(found);
    }
    if (awaited.length === 0 || options.signal?.aborted) return killed;
    await pause(wait, options.signal);
  }
}
