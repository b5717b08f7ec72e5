import { closeSync, existsSync, openSync, readdirSync, readSync } from "node:fs";

/** Steps carry the tokens of every runner above them, so that an outer runner also finds what an inner one started. */
export const COOKIE_VARIABLE = "RUNCAST_COOKIE";

export interface ProcessEntry {
  readonly pid: number;
  readonly parent: number;
  readonly group: number;
  readonly session: number;
  readonly zombie: boolean;
  /** Clock ticks since boot: a pid and its start name one process for ever, a pid alone is used again. */
  readonly startedAt: number;
}

export const HAS_PROCESS_TABLE = existsSync("/proc/self/stat");

/** Null when there is no such process (or no /proc). Zombies are entries: they still hold their pid. */
export function readProcess(pid: number): ProcessEntry | null {
  const stat = readProcFile(pid, "stat");
  if (stat === null) return null;
  // The command name before the last parenthesis may itself hold spaces and parentheses.
  const fields = stat.toString("latin1", stat.lastIndexOf(")") + 2).split(" ", 20);
  return {
    pid,
    parent: Number(fields[1]),
    group: Number(fields[2]),
    session: Number(fields[3]),
    zombie: fields[0] === "Z" || fields[0] === "X",
    startedAt: Number(fields[19]),
  };
}

/** All processes at about one moment; environments are read when asked for. */
export class ProcessTable {
  readonly entries: readonly ProcessEntry[];
  private readonly tokens = new Map<number, readonly string[]>();

  constructor() {
    this.entries = HAS_PROCESS_TABLE ? readAllProcesses() : [];
  }

  /** The cookie's tokens in the environment the process was started with; none when it may not be read. */
  cookieTokens(pid: number): readonly string[] {
    let tokens = this.tokens.get(pid);
    if (tokens === undefined) {
      tokens = readCookieTokens(pid);
      this.tokens.set(pid, tokens);
    }
    return tokens;
  }
}

let shared: Promise<ProcessTable> | null = null;

/** A table read after this call; steps that end in the same turn share one reading. */
export function nextProcessTable(): Promise<ProcessTable> {
  shared ??= new Promise((resolve) => {
    setImmediate(() => {
      shared = null;
      resolve(new ProcessTable());
    });
  });
  return shared;
}

function readAllProcesses(): ProcessEntry[] {
  const entries: ProcessEntry[] = [];
  for (const name of readdirSync("/proc")) {
    const first = name.charCodeAt(0);
    if (first < 48 || first > 57) continue;
    const entry = readProcess(Number(name));
    if (entry !== null) entries.push(entry);
  }
  return entries;
}

const COOKIE_ASSIGNMENT = `${COOKIE_VARIABLE}=`;

function readCookieTokens(pid: number): readonly string[] {
  const environment = readProcFile(pid, "environ");
  if (environment === null || !environment.includes(COOKIE_ASSIGNMENT)) return [];
  const assignment = environment
    .toString("latin1")
    .split("\0")
    .find((entry) => entry.startsWith(COOKIE_ASSIGNMENT));
  return assignment?.slice(COOKIE_ASSIGNMENT.length).split(",") ?? [];
}

/** The process ended meanwhile, or is another user's. Any other failure must not pass for a process's absence. */
const UNREADABLE: ReadonlySet<string> = new Set(["ENOENT", "ESRCH", "EACCES", "EPERM"]);

/** One buffer for all readings: a table takes hundreds, and each of its own would soon be garbage. */
let buffer = Buffer.allocUnsafe(16 * 1024);

/** What is answered is valid until the next call. */
function readProcFile(pid: number, file: string): Buffer | null {
  let descriptor: number | null = null;
  try {
    descriptor = openSync(`/proc/${pid}/${file}`, "r");
    let length = 0;
    for (;;) {
      const read = readSync(descriptor, buffer, length, buffer.length - length, null);
      length += read;
      // These files come whole in one reading unless the buffer is full.
      if (read === 0 || length < buffer.length) return buffer.subarray(0, length);
      buffer = Buffer.concat([buffer], buffer.length * 2);
    }
  } catch (error) {
    if (UNREADABLE.has((error as NodeJS.ErrnoException).code ?? "")) return null;
    throw error;
  } finally {
    if (descriptor !== null) closeSync(descriptor);
  }
}
