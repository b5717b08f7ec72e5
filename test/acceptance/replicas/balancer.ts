import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";

interface Pair {
  readonly target: string;
  readonly client: Socket;
  readonly upstream: Socket;
}

/** A load balancer as operators have one: a new connection goes to the least busy server that accepts it. */
export class Balancer implements AsyncDisposable {
  readonly #targets: readonly string[];
  readonly #pairs = new Set<Pair>();
  readonly #server: Server;

  private constructor(targets: readonly string[]) {
    this.#targets = targets;
    this.#server = createServer((client) => {
      client.on("error", () => undefined);
      void this.#open(client);
    });
  }

  static async before(...targets: readonly string[]): Promise<Balancer> {
    const balancer = new Balancer(targets);
    balancer.#server.listen(0, "127.0.0.1");
    await once(balancer.#server, "listening");
    return balancer;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  connectionsTo(target: string): number {
    return [...this.#pairs].filter((pair) => pair.target === target).length;
  }

  /** Resets every second connection to a server. */
  cutHalfOf(target: string): void {
    const open = [...this.#pairs].filter((pair) => pair.target === target);
    for (const { client } of open.filter((_, i) => i % 2 === 0)) client.resetAndDestroy();
  }

  /** From here on nothing passes through what is open, and neither side is told: a cable was pulled. */
  pullCable(): void {
    for (const { client, upstream } of this.#pairs)
      for (const socket of [client, upstream]) {
        socket.unpipe();
        socket.pause();
      }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { client, upstream } of this.#pairs) {
      client.destroy();
      upstream.destroy();
    }
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #open(client: Socket): Promise<void> {
    const byLoad = this.#targets
      .map((target) => ({ target, open: this.connectionsTo(target) }))
      .sort((one, other) => one.open - other.open);
    for (const { target } of byLoad) if (await this.#connect(client, target)) return;
    client.resetAndDestroy();
  }

  async #connect(client: Socket, target: string): Promise<boolean> {
    const { port, hostname } = new URL(target);
    const upstream = connect(Number(port), hostname);
    const pair = { target, client, upstream };
    // Counted at once: others that come in this moment go elsewhere.
    this.#pairs.add(pair);
    const connected = await new Promise<boolean>((resolve) => {
      upstream.once("connect", () => resolve(true));
      upstream.on("error", () => resolve(false));
    });
    if (!connected || client.destroyed) {
      this.#pairs.delete(pair);
      upstream.destroy();
      return !connected ? false : client.destroyed;
    }
    for (const [here, there] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      here.pipe(there);
      here.on("close", () => {
        there.destroy();
        this.#pairs.delete(pair);
      });
    }
    return true;
  }
}
