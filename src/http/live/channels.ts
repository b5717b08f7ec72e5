import type { ExecutionArgs } from "graphql";
import type { Viewer } from "../../domain/access.ts";
import type { RequestContext } from "../../graphql/context.ts";
import type { AnyLiveSubscription } from "../../graphql/live-subscription.ts";
import { Channel } from "./channel.ts";
import { Renderer, type ToPublic } from "./render.ts";
import { isPersonal } from "./share-key.ts";

/** Somebody's place in a channel; disposing of it gives it up. */
export interface Seat extends Disposable {
  readonly key: string;
  readonly channel: Channel<unknown>;
}

interface Open {
  readonly key: string;
  readonly channel: Channel<unknown>;
  readonly log: unknown;
  seats: number;
}

/** The channels that are open, by what their members have in common. */
export class Channels {
  readonly #open = new Map<string, Open>();
  readonly #toPublic: ToPublic;
  readonly #onError: (error: unknown) => void;

  constructor(toPublic: ToPublic, onError: (error: unknown) => void) {
    this.#toPublic = toPublic;
    this.#onError = onError;
  }

  take(key: string, args: ExecutionArgs, subscription: AnyLiveSubscription, viewer: Viewer): Seat {
    let open = this.#open.get(key);
    // A log that broke is followed anew, beside what is left of the old one.
    const { log } = subscription.following.request;
    if (open === undefined || open.log !== log) {
      const renderer = new Renderer(argsFor(args, viewer), this.#toPublic);
      const channel = new Channel(subscription.requestFor(viewer), renderer, this.#onError);
      open = { key, channel, log, seats: 0 };
      this.#open.set(key, open);
    }
    const taken = open;
    taken.seats++;
    return {
      // Not the caller's: thousands of equal texts would be kept.
      key: taken.key,
      channel: taken.channel,
      [Symbol.dispose]: () => {
        taken.seats--;
        if (taken.seats > 0) return;
        taken.channel[Symbol.dispose]();
        if (this.#open.get(taken.key) === taken) this.#open.delete(taken.key);
      },
    };
  }
}

/** What all members of a channel have executed for them: as a viewer with their rights, and nobody in person. */
function argsFor(args: ExecutionArgs, viewer: Viewer): ExecutionArgs {
  const context = args.contextValue as RequestContext;
  const shown = isPersonal(args.document) ? viewer : withoutPerson(viewer);
  return { ...args, contextValue: context.later(shown) };
}

/** A field that asks who is asking would tell one person's answer to all: it fails instead. */
function withoutPerson(viewer: Viewer): Viewer {
  const refuse = (): never => {
    throw new Error("a shared message was about to depend on who reads it: see PERSONAL_FIELDS");
  };
  return Object.defineProperties({ ...viewer }, { accountId: { get: refuse }, tokenId: { get: refuse } });
}
