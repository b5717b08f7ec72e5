import { type ChildProcess, spawn } from "node:child_process";
import { createRequire } from "node:module";
import { extname } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import type { RunnerLogger } from "./logger.ts";
import { COOKIE_VARIABLE } from "./process-table.ts";
import type { ProcessGroup } from "./processes.ts";
import { Backoff, pause, settlesWithin } from "./waiting.ts";

export interface ReaperOptions {
  readonly directoryId: string;
  readonly silenceMs: number;
  readonly logger: RunnerLogger;
}

const CLOSE_LIMIT_MS = 10_000;

/** The runner's end of the pipe to its reaper; a reaper that dies is replaced and told everything again. */
export class Reaper {
  private readonly groups = new Map<number, ProcessGroup>();
  private readonly backoff = new Backoff(100, 5_000);
  private readonly closing = new AbortController();
  private readonly pulse: NodeJS.Timeout;
  private child: ChildProcess;

  constructor(private readonly options: ReaperOptions) {
    this.child = this.launch();
    this.pulse = setInterval(() => this.say("alive"), options.silenceMs / 4);
    this.pulse.unref();
  }

  watch(group: ProcessGroup): void {
    this.groups.set(group.pid, group);
    this.say(`watch ${group.pid} ${group.startedAt}`);
  }

  forget(group: ProcessGroup): void {
    this.groups.delete(group.pid);
    this.say(`forget ${group.pid}`);
  }

  /** Ends the pipe: the reaper sweeps a last time and leaves. */
  async close(): Promise<void> {
    clearInterval(this.pulse);
    this.closing.abort();
    const { child } = this;
    if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
    const exited = new Promise((resolve) => child.once("exit", resolve));
    child.stdin?.end();
    if (!(await settlesWithin(exited, CLOSE_LIMIT_MS))) child.kill("SIGKILL");
  }

  private launch(): ChildProcess {
    const { directoryId, silenceMs } = this.options;
    const { execArgv, file } = reaperProgram();
    const child = spawn(process.execPath, [...execArgv, file, directoryId, String(silenceMs)], {
      // A session of its own: what is sent to the runner's terminal or group must not reach it.
      detached: true,
      stdio: ["pipe", "ignore", "inherit"],
      cwd: "/",
      env: reaperEnvironment(),
    });
    child.stdin?.on("error", () => {}); // its end is seen as "exit"
    child.on("error", (error) => {
      if (child.pid === undefined) void this.replace(error.message);
    });
    child.on("exit", (code, signal) => void this.replace(signal ?? `exit code ${code}`));
    return child;
  }

  private async replace(cause: string): Promise<void> {
    if (this.closing.signal.aborted) return;
    this.options.logger.error(`the reaper process ended (${cause}); starting another`);
    await pause(this.backoff.next(), this.closing.signal);
    if (this.closing.signal.aborted) return;
    this.child = this.launch();
    for (const group of this.groups.values()) this.say(`watch ${group.pid} ${group.startedAt}`);
  }

  private say(line: string): void {
    this.child.stdin?.write(`${line}\n`);
  }
}

/** The reaper lies beside this file, in the form this file has: TypeScript needs a loader, compiled code none. */
function reaperProgram(): { execArgv: string[]; file: string } {
  const extension = extname(new URL(import.meta.url).pathname);
  const file = fileURLToPath(new URL(`./reaper${extension}`, import.meta.url));
  if (extension !== ".ts") return { execArgv: [], file };
  const loader = pathToFileURL(createRequire(import.meta.url).resolve("tsx")).href;
  return { execArgv: ["--import", loader], file };
}

/** The outer cookie stays: a runner that runs inside a step ends with that step, and so does its reaper. */
function reaperEnvironment(): NodeJS.ProcessEnv {
  const kept = ["PATH", "HOME", "TMPDIR", COOKIE_VARIABLE];
  return Object.fromEntries(kept.flatMap((name) => (process.env[name] ? [[name, process.env[name]]] : [])));
}
