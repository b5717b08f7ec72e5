import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { Config } from "../config/load-config.ts";
import { SETTING_LIST } from "../config/settings.ts";

/** The runner is a small process of its own: starting steps from a big one is several times slower. */
const fromSource = import.meta.url.endsWith(".ts");
const ENTRY = fileURLToPath(new URL(`../runner/main.${fromSource ? "ts" : "js"}`, import.meta.url));
const RESTART_MS = 1_000;

export interface RunnerTarget {
  readonly url: string;
  readonly token: string;
}

export function spawnRunner(
  config: Config,
  { url, token }: RunnerTarget,
  stderr: "inherit" | "ignore",
): ChildProcess {
  const loader = fromSource ? ["--import", import.meta.resolve("tsx")] : [];
  return spawn(process.execPath, [...loader, ENTRY], {
    stdio: ["ignore", stderr, stderr],
    env: {
      ...withoutSecrets(process.env),
      RUNCAST_URL: url,
      RUNCAST_TOKEN: token,
      RUNCAST_RUNNER_NAME: config.runnerName,
      RUNCAST_RUNNER_WORK_DIR: config.runnerWorkDir,
      RUNCAST_ALLOW_FILE_SOURCES: String(config.allowFileSources),
      RUNCAST_EXIT_WITH_PARENT: String(process.pid),
    },
  });
}

const SECRETS: ReadonlySet<string> = new Set(
  SETTING_LIST.filter(({ secret }) => secret === true).map(({ variable }) => variable),
);

/** Steps run as the runner's user and can read its environment: it gets no more than it needs. */
function withoutSecrets(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(environment).filter(([name]) => !SECRETS.has(name)));
}

/** Keeps one runner alive beside the server: one that died is replaced. */
export class RunnerKeeper implements AsyncDisposable {
  readonly #start: () => ChildProcess;
  #runner: ChildProcess;
  #restart: NodeJS.Timeout | undefined;
  #stopping = false;

  constructor(start: () => ChildProcess) {
    this.#start = start;
    this.#runner = this.#keep();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping = true;
    clearTimeout(this.#restart);
    if (hasEnded(this.#runner)) return;
    const ended = once(this.#runner, "exit");
    this.#runner.kill("SIGINT");
    // A second signal makes it abort what still runs: whoever stops the whole stack waits for no step. It must be
    // another one, because two that are alike become one while they wait.
    this.#runner.kill("SIGTERM");
    await ended;
  }

  #keep(): ChildProcess {
    const runner = this.#start();
    runner.once("exit", () => {
      if (this.#stopping) return;
      this.#restart = setTimeout(() => {
        this.#runner = this.#keep();
      }, RESTART_MS);
    });
    return runner;
  }
}

function hasEnded({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode !== null || signalCode !== null;
}
