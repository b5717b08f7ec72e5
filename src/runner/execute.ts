import { type ChildProcess, spawn } from "node:child_process";
import type { Readable } from "node:stream";
import {
  describeGroup,
  findProcesses,
  killGroup,
  type ProcessTarget,
  sweepProcesses,
  trySignal,
} from "./processes.ts";
import type { CancelMode } from "./protocol.ts";
import type { Reaper } from "./reaper-client.ts";
import type { StopRequest } from "./stop-request.ts";
import { monotonicMs, pause, settlesWithin, startTimer } from "./waiting.ts";

const GRACE_POLL_MS = 20;

export interface Command {
  /** Program and arguments; never empty. */
  readonly argv: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  /** Its environment carries this token, which is how processes that left its group are found. */
  readonly token: string;
  readonly timeoutMs: number;
  readonly graceMs: number;
  /**
   * Of a command that ended by itself, only the group is killed, which costs nothing, and its death not awaited:
   * whoever runs many of them looks once, at the end of all, for what left its group.
   */
  readonly sweptLater?: boolean;
}

export interface CommandOutput {
  write(stream: "stdout" | "stderr", chunk: Buffer): void;
  /** A line of the runner's own about the command. */
  note(text: string): void;
  /** Null when more can be taken now, else what to wait for before reading on. */
  backpressure(): Promise<void> | null;
}

export interface ExecutionHost {
  readonly reaper: Pick<Reaper, "watch" | "forget">;
  readonly outputDrainMs: number;
}

/** TIMEOUT and STOPPED say that the runner ended it, whatever exit code it still managed to give. */
export type EndCause = "ITSELF" | "TIMEOUT" | "STOPPED";

export interface CommandEnd {
  /** Set when there never was a process; the other fields then say nothing but the cause. */
  readonly startError: string | null;
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly cause: EndCause;
}

/** Program and options of a shell; the command is added. */
export function shellArguments(shell: string): string[] {
  return [...shell.split(" ").filter((word) => word !== ""), "-c"];
}

/**
 * Runs a command in a session of its own and resolves when it and everything it started are confirmed dead:
 * a command's processes end with it, whether it ended by itself or was ended.
 */
export async function execute(
  command: Command,
  stop: StopRequest,
  output: CommandOutput,
  host: ExecutionHost,
): Promise<CommandEnd> {
  if (stop.mode !== null) return notStarted("stopped before it started", "STOPPED");
  let child: ChildProcess;
  try {
    child = await launch(command);
  } catch (error) {
    return notStarted((error as Error).message, "ITSELF");
  }
  const exited = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const group = describeGroup(child.pid!);
  host.reaper.watch(group);
  const drained = readOutput(child, output);
  const ending = new Ending(child, command, output, {
    groups: [group],
    ownsToken: (token) => token === command.token,
    startedSince: group.startedAt,
    known: new Map(),
  });
  const unsubscribe = stop.subscribe((mode) => ending.begin("STOPPED", mode));
  try {
    await exited;
    await ending.finish();
    await drained(host.outputDrainMs);
    return { startError: null, exitCode: child.exitCode, signal: child.signalCode, cause: ending.cause };
  } finally {
    unsubscribe();
    host.reaper.forget(group);
  }
}

function notStarted(startError: string, cause: EndCause): CommandEnd {
  return { startError, exitCode: null, signal: null, cause };
}

/** Rejects when the program cannot be started, in whichever of its two ways node reports that. */
async function launch({ argv, cwd, env }: Command): Promise<ChildProcess> {
  const [program, ...args] = argv;
  const child = spawn(program!, args, { cwd, env, detached: true, stdio: ["ignore", "pipe", "pipe"] });
  if (child.pid !== undefined) return child;
  const error = await new Promise<Error>((resolve) => child.once("error", resolve));
  throw error;
}

/** Ends a command's processes: politely first where there is a grace, then for certain. */
class Ending {
  cause: EndCause = "ITSELF";
  private exited = false;
  private killAt = Number.POSITIVE_INFINITY;
  private readonly cancelTimeout: () => void;
  private cancelGrace: () => void = () => {};

  constructor(
    private readonly child: ChildProcess,
    private readonly command: Command,
    private readonly output: CommandOutput,
    private readonly target: ProcessTarget,
  ) {
    this.cancelTimeout = startTimer(command.timeoutMs, () => {
      output.note(`not ended after ${command.timeoutMs / 1000} s: sending SIGTERM`);
      this.begin("TIMEOUT", "GRACEFUL");
    });
  }

  begin(cause: EndCause, mode: CancelMode): void {
    this.cancelTimeout();
    const first = this.cause === "ITSELF";
    if (first && this.exited) return;
    if (first) this.cause = cause;
    if (mode === "FORCE") this.kill();
    else if (first) this.terminate();
  }

  /** Once the leader has exited: waits out the grace of what it left behind, then kills until nothing is found. */
  async finish(): Promise<void> {
    this.cancelTimeout();
    this.exited = true;
    const endedItself = this.cause === "ITSELF";
    while (!endedItself && monotonicMs() < this.killAt) {
      if ((await findProcesses(this.target)).length === 0) break;
      await pause(GRACE_POLL_MS);
    }
    this.cancelGrace();
    if (endedItself && this.command.sweptLater) {
      for (const group of this.target.groups) killGroup(group);
      return;
    }
    const killed = await sweepProcesses(this.target, {
      leaveDenied: endedItself,
      onSurvivors: (pids) => this.output.note(`could not kill ${pids.join(", ")}`),
    });
    if (endedItself && killed.size > 0) {
      this.output.note(`killed ${killed.size} ${killed.size === 1 ? "process" : "processes"} left running`);
    }
  }

  private terminate(): void {
    this.killAt = monotonicMs() + this.command.graceMs;
    this.cancelGrace = startTimer(this.command.graceMs, () => this.kill());
    void this.signalAll("SIGTERM");
  }

  private kill(): void {
    this.killAt = 0;
    this.cancelGrace();
    void this.signalAll("SIGKILL");
  }

  /** Each process gets the signal once: many programs take a second SIGTERM as an order to give up their cleanup. */
  private async signalAll(signal: NodeJS.Signals): Promise<void> {
    const { child } = this;
    const leader = child.pid!;
    // Found before anything is signalled: children of a process that has died cannot be told from strangers.
    const found = await findProcesses(this.target);
    // The leader's pid is surely still its own only until its exit was seen.
    const running = child.exitCode === null && child.signalCode === null;
    const wholeGroup = running && trySignal(-leader, signal) === "SENT";
    for (const { pid, group } of found) if (!wholeGroup || group !== leader) trySignal(pid, signal);
  }
}

/**
 * Passes on what the child writes, and stops reading while that cannot be taken. The returned function is for the
 * end: it reads what is left in the pipes, but no longer than told, because a process that escaped may still hold them.
 */
function readOutput(child: ChildProcess, output: CommandOutput): (limitMs: number) => Promise<void> {
  const streams = { stdout: child.stdout!, stderr: child.stderr! };
  let ending = false;
  const holdBack = async () => {
    const relief = output.backpressure();
    if (relief === null || ending) return;
    for (const stream of Object.values(streams)) stream.pause();
    await relief;
    for (const stream of Object.values(streams)) stream.resume();
  };
  const ended = Object.entries(streams).map(([name, stream]) => {
    stream.on("data", (chunk: Buffer) => {
      output.write(name as keyof typeof streams, chunk);
      void holdBack();
    });
    return endOf(stream);
  });
  return async (limitMs) => {
    ending = true;
    for (const stream of Object.values(streams)) stream.resume();
    await settlesWithin(Promise.all(ended), limitMs);
    for (const stream of Object.values(streams)) stream.destroy();
  };
}

function endOf(stream: Readable): Promise<void> {
  return new Promise((resolve) => {
    stream.once("end", resolve);
    stream.once("close", resolve);
    stream.once("error", () => resolve());
  });
}
