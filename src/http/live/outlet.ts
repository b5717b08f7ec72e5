import type { Duplex } from "node:stream";
import type { WebSocket } from "ws";

/** Bytes that may wait for a client, beyond what its operating system takes. */
export const MOST_WAITING = 128 * 1024;

export interface OutletTimes {
  /** A client that takes nothing for so long is given up; it resumes when it can. */
  readonly patienceMs: number;
  /** For the close frame to reach a client that is only slow. */
  readonly closeMs: number;
}

const TIMES: OutletTimes = { patienceMs: 30_000, closeMs: 5_000 };
/** RFC 6455's "try again later". */
const LAGGING = 1013;

/** Where the messages of a socket's shared subscriptions are written, and how much of it waits. */
export class Outlet {
  readonly #client: WebSocket;
  readonly #socket: Duplex;
  readonly #times: OutletTimes;
  #draining: Promise<void> | null = null;

  /** @param socket the connection below the client, to which whole frames are written */
  constructor(client: WebSocket, socket: Duplex, times: OutletTimes = TIMES) {
    this.#client = client;
    this.#socket = socket;
    this.#times = times;
  }

  /** @returns whether it may go on at once */
  write(frames: Buffer): boolean {
    // Nothing may follow a close frame.
    if (this.#client.readyState !== this.#client.OPEN) return false;
    this.#socket.write(frames);
    return this.#socket.writableLength <= MOST_WAITING;
  }

  /** Resolves when what waited is gone, or will never go. */
  async drained(): Promise<void> {
    if (this.#socket.writableLength <= MOST_WAITING) return;
    this.#draining ??= this.#drain();
    await this.#draining;
  }

  async #drain(): Promise<void> {
    const patience = setTimeout(() => this.#giveUp(), this.#times.patienceMs);
    await new Promise<void>((resolve) => {
      const done = (): void => {
        this.#socket.off("drain", done);
        this.#socket.off("close", done);
        resolve();
      };
      this.#socket.on("drain", done);
      this.#socket.on("close", done);
      if (this.#socket.destroyed) done();
    });
    clearTimeout(patience);
    this.#draining = null;
  }

  #giveUp(): void {
    this.#client.close(LAGGING, "Lagging");
    setTimeout(() => this.#client.terminate(), this.#times.closeMs).unref();
  }
}
