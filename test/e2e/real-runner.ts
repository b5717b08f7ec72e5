import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { programOf } from "../support/program.ts";

/** The product's runner as a process, on a work directory that outlives it. */
export class RealRunner implements AsyncDisposable {
  readonly #workDirectory = mkdtempSync(join(tmpdir(), "runcast-e2e-"));
  readonly #environment: NodeJS.ProcessEnv;
  #child: ChildProcess;

  constructor(url: string, token: string, settings: Readonly<Record<string, string>> = {}) {
    this.#environment = {
      PATH: process.env["PATH"],
      HOME: process.env["HOME"],
      RUNCAST_URL: url,
      RUNCAST_TOKEN: token,
      RUNCAST_RUNNER_NAME: "e2e",
      RUNCAST_RUNNER_WORK_DIR: this.#workDirectory,
      RUNCAST_ALLOW_FILE_SOURCES: "true",
      ...settings,
    };
    this.#child = this.#spawn();
  }

  get pid(): number {
    return this.#child.pid!;
  }

  /** As an operator, or the kernel, would: nothing is said to anyone. */
  async kill(): Promise<void> {
    const ended = once(this.#child, "exit");
    this.#child.kill("SIGKILL");
    await ended;
  }

  restart(): void {
    this.#child = this.#spawn();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      const ended = once(this.#child, "exit");
      this.#child.kill("SIGTERM");
      this.#child.kill("SIGTERM");
      await ended;
    }
    rmSync(this.#workDirectory, { recursive: true, force: true });
  }

  #spawn(): ChildProcess {
    return spawn(process.execPath, programOf("runner/main"), { stdio: "ignore", env: this.#environment });
  }
}
