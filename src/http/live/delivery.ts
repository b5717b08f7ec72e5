import type { ExecutionArgs } from "graphql";
import type { Viewer } from "../../domain/access.ts";
import { objectNotFound } from "../../graphql/errors.ts";
import type { LiveSubscription } from "../../graphql/live-subscription.ts";
import type { Park } from "../../realtime/following.ts";
import type { LogItem } from "../../realtime/live-log.ts";
import type { Channel, Member } from "./channel.ts";
import type { Channels, Seat } from "./channels.ts";
import { framesOf, nextPrefix } from "./frames.ts";
import type { Outlet } from "./outlet.ts";
import { shareKey } from "./share-key.ts";

/** Whom the messages are for. */
export interface Receiver {
  readonly outlet: Outlet;
  /** With the rights of the last check. */
  viewer(): Viewer;
  /** Before every message: asks nobody. */
  closeIfExpired(): void;
}

export interface DeliveryOptions {
  readonly subscription: LiveSubscription<LogItem<unknown>, unknown>;
  readonly args: ExecutionArgs;
  readonly operationId: string;
  readonly receiver: Receiver;
  readonly channels: Channels;
  onEnd(): void;
}

/**
 * One subscription over a WebSocket. It writes its messages itself; the protocol's library iterates over it and
 * sees nothing but its end, for which it then sends `complete` or `error`.
 */
export class Delivery implements AsyncIterableIterator<never>, Member, Park<unknown> {
  readonly #options: DeliveryOptions;
  readonly #prefix: Buffer;
  #seat: Seat | null = null;
  /** For whom the seat was taken. */
  #viewer: Viewer | null = null;

  constructor(options: DeliveryOptions) {
    this.#options = options;
    this.#prefix = nextPrefix(options.operationId);
  }

  async next(): Promise<IteratorResult<never, undefined>> {
    const { following } = this.#options.subscription;
    const { outlet } = this.#options.receiver;
    try {
      for await (const items of following.batches(this)) {
        const bodies = await this.#channel().render(items);
        if (following.left) break;
        this.receive(bodies);
        await outlet.drained();
      }
      return { done: true, value: undefined };
    } finally {
      this.#leave();
      this.#options.onEnd();
    }
  }

  async return(): Promise<IteratorResult<never, undefined>> {
    await this.#options.subscription.return();
    this.#seat?.channel.leave(this);
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async wait(at: unknown): Promise<unknown> {
    const to = await this.#channel().serve(this, at);
    await this.#options.receiver.outlet.drained();
    return to;
  }

  receive(bodies: readonly Buffer[]): boolean {
    const { receiver } = this.#options;
    receiver.closeIfExpired();
    return receiver.outlet.write(framesOf(this.#prefix, bodies));
  }

  /** The viewer may have other rights now: then it is served with others, or no more. */
  viewerChanged(): void {
    if (this.#seat !== null && this.#keyFor(this.#options.receiver.viewer()) !== this.#seat.key)
      this.#seat.channel.leave(this);
  }

  /** @throws NOT_FOUND once the viewer may not read it any more */
  #channel(): Channel<unknown> {
    const { subscription, args, receiver, channels } = this.#options;
    const viewer = receiver.viewer();
    if (this.#seat !== null && viewer === this.#viewer) return this.#seat.channel;
    if (!subscription.mayRead(viewer)) throw objectNotFound();
    const key = this.#keyFor(viewer);
    if (this.#seat?.key !== key) {
      this.#leave();
      this.#seat = channels.take(key, args, subscription.following, viewer);
    }
    this.#viewer = viewer;
    return this.#seat.channel;
  }

  #keyFor(viewer: Viewer): string {
    return shareKey(this.#options.args, viewer);
  }

  #leave(): void {
    this.#seat?.[Symbol.dispose]();
    this.#seat = null;
  }
}
