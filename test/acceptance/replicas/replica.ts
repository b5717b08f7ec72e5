import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { type CliProcess, spawnCli } from "../../cli/cli-process.ts";

/** One `serve` process that always listens on the same port, as one behind a load balancer does. */
export class Replica implements AsyncDisposable {
  readonly url: string;
  readonly #folder: string;
  readonly #settings: Readonly<Record<string, string>>;
  #process: CliProcess | null = null;

  private constructor(folder: string, port: number, settings: Readonly<Record<string, string>>) {
    this.url = `http://127.0.0.1:${port}`;
    this.#folder = folder;
    this.#settings = { ...settings, RUNCAST_PORT: String(port), RUNCAST_LOG_FORMAT: "json" };
  }

  static async start(folder: string, settings: Readonly<Record<string, string>>): Promise<Replica> {
    const replica = new Replica(folder, await freePort(), settings);
    await replica.start();
    return replica;
  }

  async start(): Promise<void> {
    this.#process = spawnCli(this.#folder, ["serve"], this.#settings);
    await this.#process.wrote(/"url":"http/);
  }

  /** kill -9 */
  async kill(): Promise<void> {
    await this.#process!.kill();
  }

  /** As an orchestrator stops it. @returns its exit code */
  async stop(): Promise<number | null> {
    this.#process!.child.kill("SIGTERM");
    return await this.#process!.exited;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process?.kill();
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
