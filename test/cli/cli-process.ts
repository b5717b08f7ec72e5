import { type ChildProcess, spawn } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";
import { programOf } from "../support/program.ts";
import { waitFor } from "../support/wait-for.ts";

const TSCONFIG = fileURLToPath(new URL("../../tsconfig.json", import.meta.url));

/** A folder that PostgreSQL's user can reach too, removed with the test file. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "runcast-cli-"));
  chmodSync(folder, 0o755);
  return folder;
}

export function removeFolder(folder: string): void {
  rmSync(folder, { recursive: true, force: true });
}

export interface CliProcess {
  readonly child: ChildProcess;
  /** Everything it wrote so far, both streams. */
  output(): string;
  /** Waits until it has written this. */
  wrote(text: RegExp): Promise<RegExpExecArray>;
  readonly exited: Promise<number | null>;
  kill(): Promise<void>;
}

/** `runcast ...` as a process of its own in a folder of the test's; ended with the test at the latest. */
export function startCli(
  folder: string,
  args: readonly string[],
  settings: Readonly<Record<string, string>> = {},
): CliProcess {
  const cli = spawnCli(folder, args, settings);
  onTestFinished(cli.kill);
  return cli;
}

/** The same for several tests: whoever started it ends it. */
export function spawnCli(
  folder: string,
  args: readonly string[],
  settings: Readonly<Record<string, string>> = {},
): CliProcess {
  const child = spawn(process.execPath, [...programOf("main"), ...args], {
    cwd: folder,
    stdio: ["ignore", "pipe", "pipe"],
    env: {
      PATH: process.env["PATH"],
      HOME: folder,
      // The loader looks for it in the working directory, which is the test's.
      TSX_TSCONFIG_PATH: TSCONFIG,
      RUNCAST_PORT: "0",
      RUNCAST_DATA_DIR: join(folder, "data"),
      ...settings,
    },
  });
  let output = "";
  const collect = (chunk: Buffer): void => {
    output += chunk.toString();
  };
  child.stdout.on("data", collect);
  child.stderr.on("data", collect);
  const exited = new Promise<number | null>((resolve) => child.once("close", resolve));
  return {
    child,
    async kill() {
      if (child.exitCode === null && child.signalCode === null) child.kill("SIGKILL");
      await exited;
    },
    output: () => output,
    exited,
    wrote: async (text) => {
      const look = () => text.exec(output) ?? (child.exitCode === null ? null : fail(text));
      const fail = (wanted: RegExp): never => {
        throw new Error(`it ended with ${child.exitCode} and never wrote ${wanted}:\n${output}`);
      };
      return await waitFor(`${text} in:\n${output}`, look, { timeoutMs: 60_000 });
    },
  };
}

/** Runs a command to its end. */
export async function runCli(
  folder: string,
  args: readonly string[],
  settings: Readonly<Record<string, string>> = {},
) {
  const cli = startCli(folder, args, settings);
  return { code: await cli.exited, output: cli.output() };
}
