import type { App } from "../../src/app.ts";
import type { Credentials } from "../../src/cli/credentials.ts";
import { restingMemory } from "./resting-memory.ts";
import { ownCpuUs, serveParent } from "./worker.ts";

/**
 * The server as `runcast serve` starts it, in a process of its own whose CPU time can be asked for. It is the built
 * one: what runs the sources names every function anew each time it is made, which costs time and memory.
 */
const built = async <Module>(path: string): Promise<Module> =>
  (await import(new URL(`../../dist/src/${path}`, import.meta.url).href)) as Module;
const { startApp } = await built<typeof import("../../src/app.ts")>("app.js");
const { quietLogger } =
  await built<typeof import("../../src/cli/commands/context.ts")>("cli/commands/context.js");
const { openCredentials } = await built<typeof import("../../src/cli/credentials.ts")>("cli/credentials.js");
const { loadConfig } = await built<typeof import("../../src/config/load-config.ts")>("config/load-config.js");

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
