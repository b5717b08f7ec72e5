import { once } from "node:events";
import { spawnRunner } from "../runner-process.ts";
import { readConfig } from "./context.ts";

/** A runner for a server that may be anywhere; it needs the server's URL and a runner's token. */
export async function runner(): Promise<void> {
  const config = readConfig();
  const { url, token } = config;
  if (url === null || token === null) throw new Error("runner needs RUNCAST_URL and RUNCAST_TOKEN");
  const child = spawnRunner(config, { url, token }, "inherit");
  // The terminal sends Ctrl-C to the child too; it drains, and this process only waits for it.
  process.on("SIGINT", () => undefined);
  process.on("SIGTERM", () => child.kill("SIGTERM"));
  const [code] = (await once(child, "exit")) as [number | null];
  process.exitCode = code ?? 1;
}
