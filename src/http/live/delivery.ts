import type { ExecutionArgs } from "graphql";
import type { Viewer } from "../../domain/access.ts";
import { objectNotFound } from "../../graphql/errors.ts";
import type { LiveSubscription } from "../../graphql/live-subscription.ts";
import type { LogItem } from "../../realtime/live-log.ts";
import type { Channel, Member } from "./channel.ts";
import type { Channels, Seat } from "./channels.ts";
import { framesOf, nextPrefix } from "./frames.ts";
import type { Outlet } from "./outlet.ts";
import { shareKey } from "./share-key.ts";

/** The socket that the messages are for. */
export interface Receiver {
  readonly outlet: Outlet;
  /** With the rights of the last check. */
  readonly viewer: Viewer;
  /** Before every message: asks nobody. */
  closeIfExpired(): void;
  /** @param error why it did not end by itself */
  ended(operationId: string, delivery: Delivery, error: unknown): void;
  /** The client did not want it any more. */
  left(delivery: Delivery): void;
}

export interface DeliveryOptions {
  readonly subscription: LiveSubscription<LogItem<unknown>, unknown>;
  readonly args: ExecutionArgs;
  readonly operationId: string;
  readonly receiver: Receiver;
  readonly channels: Channels;
}

/**
 * One subscription over a WebSocket: reads on by itself until it is at its log's end, is served there together with
 * all others, and reads on by itself again when it falls behind.
 */
export class Delivery implements Member<unknown> {
  readonly #options: DeliveryOptions;
  readonly #prefix: Buffer;
  #seat: Seat | null = null;
  /** For whom the seat was taken. */
  #viewer: Viewer | null = null;

  constructor(options: DeliveryOptions) {
    this.#options = options;
    this.#prefix = nextPrefix(options.operationId);
  }

  start(): void {
    void this.#readOn();
  }

  /** The client has left. */
  async return(): Promise<IteratorResult<never, undefined>> {
    await this.#options.subscription.return();
    this.#seat?.channel.leave(this);
    this.#giveUpSeat();
    this.#options.receiver.left(this);
    return { done: true, value: undefined };
  }

  /** Only so that graphql-ws knows it for something that it can end: nobody iterates over it. */
  [Symbol.asyncIterator](): this {
    return this;
  }

  receive(bodies: readonly Buffer[]): boolean {
    const { receiver } = this.#options;
    receiver.closeIfExpired();
    return receiver.outlet.write(framesOf(this.#prefix, bodies));
  }

  served(at: unknown): void {
    const { following } = this.#options.subscription;
    following.moveTo(at);
    if (!following.left) void this.#readOn();
  }

  /** The viewer may have other rights now: then it is served with others, or no more. */
  viewerChanged(): void {
    if (this.#seat !== null && this.#keyFor(this.#options.receiver.viewer) !== this.#seat.key)
      this.#seat.channel.leave(this);
  }

  async #readOn(): Promise<void> {
    const { subscription, receiver } = this.#options;
    const { following } = subscription;
    try {
      for (;;) {
        await receiver.outlet.drained();
        if (following.left) return;
        if (!following.atEnd) await this.#pass(await following.take());
        else if (following.request.isOver()) break;
        else {
          this.#channel().join(this, following.at);
          return;
        }
      }
      this.#end(null);
    } catch (error) {
      if (!following.left) this.#end(error);
    }
  }

  /** Made for the rights that the viewer has when it is sent. */
  async #pass(items: readonly object[]): Promise<void> {
    const { following } = this.#options.subscription;
    for (let channel = this.#channel(); items.length > 0 && !following.left; channel = this.#channel()) {
      const bodies = await channel.render(items);
      if (following.left || channel !== this.#channel()) continue;
      this.receive(bodies);
      return;
    }
  }

  #end(error: unknown): void {
    const { subscription, receiver, operationId } = this.#options;
    void subscription.return();
    this.#giveUpSeat();
    receiver.ended(operationId, this, error);
  }

  /** @throws NOT_FOUND once the viewer may not read it any more */
  #channel(): Channel<unknown> {
    const { subscription, args, receiver, channels } = this.#options;
    const { viewer } = receiver;
    if (this.#seat !== null && viewer === this.#viewer) return this.#seat.channel;
    if (!subscription.mayRead(viewer)) throw objectNotFound();
    const key = this.#keyFor(viewer);
    if (this.#seat?.key !== key) {
      this.#giveUpSeat();
      this.#seat = channels.take(key, args, subscription, viewer);
    }
    this.#viewer = viewer;
    return this.#seat.channel;
  }

  #keyFor(viewer: Viewer): string {
    return shareKey(this.#options.args, viewer);
  }

  #giveUpSeat(): void {
    this.#seat?.[Symbol.dispose]();
    this.#seat = null;
  }
}
