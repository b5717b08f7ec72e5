import type { WebSocket } from "ws";
import type { Viewer } from "../domain/access.ts";
import type { Clock } from "../domain/clock.ts";
import type { Authenticator } from "./authenticate.ts";

/** A token that was revoked is noticed after this long on a socket where nothing happens. */
const CHECK_MS = 5_000;
const TOKEN_ENDED = 4403;

export interface WatchedSocket {
  readonly token: string;
  readonly viewer: Viewer;
  /** Whatever carries the messages: a socket, or a stream that has no codes and tells the reason in its own way. */
  readonly socket: Pick<WebSocket, "close">;
  readonly authenticator: Authenticator;
  readonly clock: Clock;
}

/** A socket lives no longer than the token that opened it. */
export class TokenWatch implements Disposable {
  readonly #watched: WatchedSocket;
  readonly #timer: NodeJS.Timeout;
  #viewer: Viewer;

  constructor(watched: WatchedSocket) {
    this.#watched = watched;
    this.#viewer = watched.viewer;
    // The database being away is no reason to close: the next check tells.
    this.#timer = setInterval(() => void this.check().catch(() => undefined), CHECK_MS).unref();
  }

  /** Who the socket belongs to, with the roles of the last check. */
  get viewer(): Viewer {
    return this.#viewer;
  }

  /** @returns whether the token is still valid; if not, the socket is closed */
  async check(): Promise<boolean> {
    const { authenticator, token } = this.#watched;
    const viewer = await authenticator.viewerOf(token);
    if (viewer === null) this.#close();
    else this.#viewer = viewer;
    return viewer !== null;
  }

  /** Before every message: asks nobody. */
  closeIfExpired(): void {
    const { tokenExpiresAt } = this.#viewer;
    if (tokenExpiresAt !== null && tokenExpiresAt <= this.#watched.clock.now()) this.#close();
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }

  #close(): void {
    this.#watched.socket.close(TOKEN_ENDED, "The token has ended");
  }
}
