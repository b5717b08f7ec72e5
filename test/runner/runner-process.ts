import { type ChildProcess, spawn } from "node:child_process";
import { createRequire } from "node:module";
import { fileURLToPath, pathToFileURL } from "node:url";
import { onTestFinished } from "vitest";
import type { RunnerTiming } from "../../src/runner/timing.ts";
import { isAlive, temporaryDirectory } from "./harness.ts";
import { STUB_TOKEN } from "./stub-transport.ts";

export const RUNNER_MAIN = fileURLToPath(new URL("../../src/runner/main.ts", import.meta.url));
const TIMED_ENTRY = fileURLToPath(new URL("./runner-entry.ts", import.meta.url));
/** By its path: the process may run anywhere. */
export const TYPESCRIPT_LOADER = pathToFileURL(createRequire(import.meta.url).resolve("tsx")).href;

export interface RunnerProcess {
  readonly child: ChildProcess;
  readonly pid: number;
  readonly workDirectory: string;
  readonly exited: Promise<number | null>;
  errors(): string;
}

export function runnerEnvironment(settings: Record<string, string>): NodeJS.ProcessEnv {
  return { PATH: process.env["PATH"], HOME: process.env["HOME"], RUNCAST_TOKEN: STUB_TOKEN, ...settings };
}

interface SpawnOptions {
  /** Shorter waits than production has. */
  readonly timing?: Partial<RunnerTiming>;
  /** What node is to run instead of the sources. */
  readonly program?: readonly string[];
}

/** The runner as it runs in production: a process of its own. It is ended with the test. */
export async function spawnRunner(
  url: string,
  settings: Record<string, string> = {},
  { timing, program }: SpawnOptions = {},
): Promise<RunnerProcess> {
  const workDirectory = settings["RUNCAST_RUNNER_WORK_DIR"] ?? (await temporaryDirectory());
  const sources = ["--import", TYPESCRIPT_LOADER, timing ? TIMED_ENTRY : RUNNER_MAIN];
  const child = spawn(process.execPath, program ?? sources, {
    stdio: ["ignore", "ignore", "pipe"],
    env: runnerEnvironment({
      RUNCAST_URL: url,
      RUNCAST_RUNNER_WORK_DIR: workDirectory,
      ...(timing && { RUNCAST_TEST_TIMING: JSON.stringify(timing) }),
      ...settings,
    }),
  });
  let errors = "";
  child.stderr!.on("data", (chunk: Buffer) => {
    errors += chunk.toString();
  });
  const exited = new Promise<number | null>((resolve) => child.once("exit", (code) => resolve(code)));
  onTestFinished(async () => {
    if (isAlive(child.pid!)) child.kill("SIGKILL");
    await exited;
  });
  return { child, pid: child.pid!, workDirectory, exited, errors: () => errors };
}
