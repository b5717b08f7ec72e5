import type { Viewer } from "../domain/access.ts";
import type { Following, FollowRequest } from "../realtime/following.ts";
import type { EdgeItem, LogItem } from "../realtime/live-log.ts";
import type { RequestContext } from "./context.ts";
import { objectNotFound } from "./errors.ts";

export type WantsFor<Item> = (viewer: Viewer) => (item: Item) => boolean;

/** A subscription to what many may follow, whatever it is. */
export type AnyLiveSubscription = LiveSubscription<LogItem<unknown>, unknown>;

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
  readonly #wantsFor: WantsFor<Item> | null;

  /** @param wantsFor where it depends on the viewer what is wanted; their rights may change meanwhile */
  constructor(
    following: Following<Item, Position>,
    mayRead: (viewer: Viewer) => boolean,
    context: RequestContext,
    wantsFor: WantsFor<Item> | null = null,
  ) {
    this.following = following;
    this.mayRead = mayRead;
    this.#context = context;
    this.#wantsFor = wantsFor;
  }

  /** What is followed for all who have the rights of this viewer, as they are now. */
  requestFor(viewer: Viewer): FollowRequest<Item, Position> {
    const { request } = this.following;
    return this.#wantsFor === null ? request : { ...request, wants: this.#wantsFor(viewer) };
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
