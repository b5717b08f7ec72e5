import type { Viewer } from "../domain/access.ts";
import type { Following } from "../realtime/following.ts";
import type { EdgeItem, LogItem } from "../realtime/live-log.ts";
import type { RequestContext } from "./context.ts";
import { objectNotFound } from "./errors.ts";

/** A subscription to what many may follow, whatever it is. */
export type AnyFollowing = Following<LogItem<unknown>, unknown>;

/**
 * What the root field of such a subscription hands to whoever serves it. Iterating over it is the plain way, for
 * one subscriber at a time; the WebSocket serves all who ask for the same together.
 */
export class LiveSubscription<Item extends LogItem<Position>, Position>
  implements AsyncIterableIterator<Item | EdgeItem>
{
  readonly following: Following<Item, Position>;
  /** Whoever loses the right to read while they listen hears nothing more. */
  readonly mayRead: (viewer: Viewer) => boolean;
  readonly #context: RequestContext;

  constructor(
    following: Following<Item, Position>,
    mayRead: (viewer: Viewer) => boolean,
    context: RequestContext,
  ) {
    this.following = following;
    this.mayRead = mayRead;
    this.#context = context;
  }

  async next(): Promise<IteratorResult<Item | EdgeItem, void>> {
    const result = await this.following.next();
    if (result.done !== true && !this.mayRead(this.#context.viewer)) {
      await this.following.return();
      throw objectNotFound();
    }
    return result;
  }

  async return(): Promise<IteratorResult<Item | EdgeItem, void>> {
    return await this.following.return();
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
