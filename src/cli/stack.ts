import { mkdirSync } from "node:fs";
import { type App, startApp, stopAll } from "../app.ts";
import type { Config } from "../config/load-config.ts";
import type { Logger } from "../observability/logger.ts";
import { migrate } from "../persistence/migrate.ts";
import { type Credentials, openCredentials } from "./credentials.ts";
import { type EmbeddedPostgres, startEmbeddedPostgres } from "./embedded-postgres/index.ts";
import { openEncryptionKey } from "./encryption-key.ts";
import { RunnerKeeper, spawnRunner } from "./runner-process.ts";
import { removeStackFile, writeStackFile } from "./stack-file.ts";

/** Everything on one machine from one command: database, API and duties, a runner. */
export interface Stack extends AsyncDisposable {
  readonly url: string;
  readonly credentials: Credentials;
  /** Resolves with a line for the user when a part that cannot be replaced has ended by itself. */
  readonly broken: Promise<string>;
}

export interface StackOptions {
  readonly config: Config;
  readonly logger: Logger;
  /** Where the runner's own messages go. */
  readonly runnerOutput: "inherit" | "ignore";
}

export async function startStack(options: StackOptions): Promise<Stack> {
  const { config } = options;
  const postgres =
    config.databaseUrl === null ? await startEmbeddedPostgres({ dataRoot: config.dataDir }) : null;
  try {
    return await startOn(postgres, config.databaseUrl ?? postgres!.url, options);
  } catch (error) {
    await postgres?.stop();
    throw error;
  }
}

async function startOn(
  postgres: EmbeddedPostgres | null,
  databaseUrl: string,
  { config, logger, runnerOutput }: StackOptions,
): Promise<Stack> {
  await migrate(databaseUrl);
  // With a database of its own the folder was made by that; otherwise it may not be there yet.
  mkdirSync(config.dataDir, { recursive: true });
  const encryptionKey = config.encryptionKey ?? openEncryptionKey(config.dataDir);
  const app = await startApp({ config, databaseUrl, encryptionKey, logger });
  try {
    const credentials = await openCredentials(config.dataDir, app.engine);
    const target = { url: app.url, token: credentials.runner };
    const runner = new RunnerKeeper(() => spawnRunner(config, target, runnerOutput));
    writeStackFile(config.dataDir, { url: app.url, token: credentials.admin, pid: process.pid });
    return {
      url: app.url,
      credentials,
      broken: databaseEnded(postgres),
      [Symbol.asyncDispose]: async () => await stop(config, runner, app, postgres),
    };
  } catch (error) {
    await app[Symbol.asyncDispose]();
    throw error;
  }
}

async function stop(
  config: Config,
  runner: RunnerKeeper,
  app: App,
  postgres: EmbeddedPostgres | null,
): Promise<void> {
  // The runner first, so that it can still report; the database last.
  await stopAll([
    async () => removeStackFile(config.dataDir),
    async () => await runner[Symbol.asyncDispose](),
    async () => await app[Symbol.asyncDispose](),
    async () => await postgres?.stop(),
  ]);
}

async function databaseEnded(postgres: EmbeddedPostgres | null): Promise<string> {
  if (postgres === null) return await new Promise<never>(() => undefined);
  const { requested, exitCode, signal } = await postgres.exited;
  if (requested) return await new Promise<never>(() => undefined);
  return `the embedded PostgreSQL ended by itself (${signal ?? `exit code ${exitCode}`}); its log is in the data folder`;
}
