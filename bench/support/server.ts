import { type App, startApp } from "../../src/app.ts";
import { quietLogger } from "../../src/cli/commands/context.ts";
import { type Credentials, openCredentials } from "../../src/cli/credentials.ts";
import { loadConfig } from "../../src/config/load-config.ts";
import { restingMemory } from "./resting-memory.ts";
import { ownCpuUs, serveParent } from "./worker.ts";

/** The server as `runcast serve` starts it, in a process of its own whose CPU time can be asked for. */

let app: App | undefined;

export interface ServerAddress {
  readonly url: string;
  readonly credentials: Credentials;
}

const handlers = {
  async start(input: { databaseUrl: string; folder: string; redisUrl?: string }): Promise<ServerAddress> {
    const config = loadConfig({ RUNCAST_PORT: "0", REDIS_URL: input.redisUrl });
    app = await startApp({ config, databaseUrl: input.databaseUrl, logger: quietLogger(config) });
    return { url: app.url, credentials: await openCredentials(input.folder, app.engine) };
  },
  cpuUs: ownCpuUs,
  restingMemory,
};
export type ServerHandlers = typeof handlers;

serveParent(handlers, async () => await app?.[Symbol.asyncDispose]());
