/**
 * The process beside the runner that outlives it: it hears the runner through a pipe and, when the pipe ends or
 * stays silent too long, kills every process of the runner's steps. Started as `reaper <directory id> <silence ms>`.
 */
import { writeSync } from "node:fs";
import { createInterface } from "node:readline";
import { ownsTokensOf } from "./cookie.ts";
import { type ProcessGroup, sweepProcesses } from "./processes.ts";
import { monotonicMs } from "./waiting.ts";

const LAST_SWEEP_LIMIT_MS = 60_000;

function runReaper(directoryId: string, silenceMs: number): void {
  // A terminal's Ctrl-C or a service manager's stop reaches this process too: it ends when the runner has ended.
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => {});

  const groups = new Map<number, ProcessGroup>();
  const sweep = async (signal?: AbortSignal) => {
    const target = {
      groups: [...groups.values()],
      ownsToken: ownsTokensOf(directoryId),
      startedSince: 0,
      known: new Map<number, number>(),
    };
    const killed = await sweepProcesses(target, signal ? { signal } : {});
    if (killed.size > 0) say(`reaper: the runner is gone or silent; killed ${[...killed].join(", ")}`);
  };

  let heardAt = monotonicMs();
  let checkedAt = heardAt;
  const checkEveryMs = Math.max(10, silenceMs / 4);
  const check = setInterval(() => {
    const now = monotonicMs();
    // This process slept as well: the runner's words may wait unread in the pipe.
    if (now - checkedAt > 2 * checkEveryMs + 1_000) heardAt = now;
    checkedAt = now;
    if (now - heardAt <= silenceMs) return;
    heardAt = now;
    void sweep(AbortSignal.timeout(silenceMs));
  }, checkEveryMs);

  const lines = createInterface({ input: process.stdin });
  lines.on("line", (line) => {
    heardAt = monotonicMs();
    const [verb, pid, startedAt] = line.split(" ");
    if (verb === "watch") groups.set(Number(pid), { pid: Number(pid), startedAt: Number(startedAt) });
    else if (verb === "forget") groups.delete(Number(pid));
  });
  lines.on("close", () => {
    clearInterval(check);
    void sweep(AbortSignal.timeout(LAST_SWEEP_LIMIT_MS)).finally(() => process.exit(0));
  });
}

function say(line: string): void {
  try {
    writeSync(2, `${line}\n`);
  } catch {
    // Whoever read standard error is gone with the runner; the killing is what matters.
  }
}

const [directoryId, silenceMs] = process.argv.slice(2);
if (directoryId) runReaper(directoryId, Number(silenceMs));
