/** The runner's own process: `node main.js` with its settings in the environment. */
import { existsSync, readFileSync, realpathSync } from "node:fs";
import { hostname } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { createLineLogger } from "./logger.ts";
import { isProtocolError } from "./protocol-error.ts";
import { type RunnerHandle, startRunner } from "./runner.ts";
import { readRunnerSettings } from "./settings.ts";

const PARENT_CHECK_MS = 500;

/** Runs until it is told to end: a first SIGTERM or SIGINT drains, a second aborts. Sets the exit code. */
export async function runRunnerProcess(environment: NodeJS.ProcessEnv = process.env): Promise<void> {
  process.stderr.on("error", () => {}); // the terminal may be gone while steps still have to be ended
  const logger = createLineLogger(
    (line) => process.stderr.write(line),
    environment["RUNCAST_LOG_LEVEL"] === "debug",
  );
  try {
    const settings = readRunnerSettings(environment, hostname());
    const runner = await startRunner({ ...settings, version: packageVersion(), logger });
    endOnSignals(runner);
    const parent = Number(environment["RUNCAST_EXIT_WITH_PARENT"]);
    if (parent > 0) endWithParent(runner, parent);
    await runner.closed;
  } catch (error) {
    // A refused token has had its line when it was refused.
    if (!isProtocolError(error, "UNAUTHORIZED")) logger.error((error as Error).message);
    process.exitCode = 1;
  }
}

function endOnSignals(runner: RunnerHandle): void {
  let told = false;
  const end = () => {
    void (told ? runner.stop() : runner.drain()).catch(() => {}); // told through closed
    told = true;
  };
  const signals = ["SIGTERM", "SIGINT"] as const;
  for (const signal of signals) process.on(signal, end);
  const unsubscribe = () => {
    for (const signal of signals) process.off(signal, end);
  };
  runner.closed.then(unsubscribe, unsubscribe);
}

/** The parent names itself: it may be gone before this process has asked who it is. */
function endWithParent(runner: RunnerHandle, parent: number): void {
  const check = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(check);
    void runner.stop().catch(() => {});
  }, PARENT_CHECK_MS);
  check.unref();
}

function packageVersion(): string {
  for (
    let folder = dirname(fileURLToPath(import.meta.url));
    folder !== dirname(folder);
    folder = dirname(folder)
  ) {
    const file = join(folder, "package.json");
    if (existsSync(file))
      return (JSON.parse(readFileSync(file, "utf8")) as { version?: string }).version ?? "0";
  }
  return "0";
}

function isEntryFile(): boolean {
  const started = process.argv[1];
  return (
    started !== undefined && existsSync(started) && realpathSync(started) === fileURLToPath(import.meta.url)
  );
}

if (isEntryFile()) await runRunnerProcess();
