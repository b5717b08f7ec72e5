import type { Viewer } from "../domain/access.ts";
import type { Clock } from "../domain/clock.ts";
import type { Authenticator } from "./authenticate.ts";

/** With the time for which answers are remembered, a token that was revoked is noticed within 5 s. */
const CHECK_MS = 2_500;
/** Checks are spread over that time. */
const TURNS = 20;
const TOKEN_ENDED = 4403;

/** Whatever carries messages to the owner of a token. */
export interface Carrier {
  /** With a code for a socket; a stream has none and tells the reason in its own way. */
  close(code: number, reason: string): void;
  /** The owner may have other roles now. */
  viewerChanged?(): void;
}

/** The tokens of all connections that last, checked in turn by one timer. */
export class TokenWatches implements Disposable {
  readonly authenticator: Authenticator;
  readonly clock: Clock;
  readonly #turns = Array.from({ length: TURNS }, () => new Set<TokenWatch>());
  readonly #timer = setInterval(() => this.#checkNext(), CHECK_MS / TURNS).unref();
  #turn = 0;
  #next = 0;

  constructor(authenticator: Authenticator, clock: Clock) {
    this.authenticator = authenticator;
    this.clock = clock;
  }

  watch(token: string, viewer: Viewer, carrier: Carrier): TokenWatch {
    this.#next = (this.#next + 1) % TURNS;
    const turn = this.#turns[this.#next]!;
    const watch = new TokenWatch(this, { token, viewer, carrier, turn });
    turn.add(watch);
    return watch;
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }

  #checkNext(): void {
    this.#turn = (this.#turn + 1) % TURNS;
    // The database being away is no reason to close: the next check tells.
    for (const watch of this.#turns[this.#turn]!) watch.check().catch(() => undefined);
  }
}

/** A connection lives no longer than the token that opened it. */
export class TokenWatch implements Disposable {
  readonly #watches: TokenWatches;
  readonly #token: string;
  readonly #carrier: Carrier;
  readonly #turn: Set<TokenWatch>;
  #viewer: Viewer;

  constructor(
    watches: TokenWatches,
    watched: { token: string; viewer: Viewer; carrier: Carrier; turn: Set<TokenWatch> },
  ) {
    this.#watches = watches;
    this.#token = watched.token;
    this.#carrier = watched.carrier;
    this.#turn = watched.turn;
    this.#viewer = watched.viewer;
  }

  /** Who the connection belongs to, with the roles of the last check. */
  get viewer(): Viewer {
    return this.#viewer;
  }

  /** @returns whether the token is still valid; if not, the connection is closed */
  async check(): Promise<boolean> {
    const viewer = await this.#watches.authenticator.viewerOf(this.#token);
    if (viewer === null) this.#close();
    else if (viewer !== this.#viewer) {
      this.#viewer = viewer;
      this.#carrier.viewerChanged?.();
    }
    return viewer !== null;
  }

  /** Before every message: asks nobody. */
  closeIfExpired(): void {
    const { tokenExpiresAt } = this.#viewer;
    if (tokenExpiresAt !== null && tokenExpiresAt <= this.#watches.clock.now()) this.#close();
  }

  [Symbol.dispose](): void {
    this.#turn.delete(this);
  }

  #close(): void {
    this.#carrier.close(TOKEN_ENDED, "The token has ended");
  }
}
