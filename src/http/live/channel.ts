import type { FollowRequest } from "../../realtime/following.ts";
import type { EdgeItem, LogItem } from "../../realtime/live-log.ts";
import { Selection } from "../../realtime/selection.ts";
import { nextBody } from "./frames.ts";
import type { Renderer } from "./render.ts";

/** A subscriber that has read everything and waits for more. */
export interface Member<Position> {
  /** @returns false when it cannot take more for now */
  receive(bodies: readonly Buffer[]): boolean;
  /** It is in the channel no more, and was sent everything up to there. */
  served(at: Position): void;
}

type Shared<Position> = Pick<FollowRequest<LogItem<Position>, Position>, "log" | "wants" | "isOver">;

/** What lies between one end of the log and the next. */
interface Batch<Position, Item = LogItem<Position>> {
  readonly items: readonly Item[];
  readonly end: Position;
}

/** Those who read a page of history together share its messages. */
const KEPT_MS = 1_000;

/**
 * All subscribers that asked for the same with the same rights: each message is executed and serialized once, and
 * then written to those at the log's end. Who joins has read up to some end of the log, and the channel comes by
 * each of these; who cannot take more leaves and reads on by itself.
 */
export class Channel<Position> implements Disposable {
  readonly #shared: Shared<Position>;
  readonly #renderer: Renderer;
  readonly #onError: (error: unknown) => void;
  readonly #selection: Selection<LogItem<Position>, Position>;
  readonly #watch: Disposable;
  readonly #bodies = new WeakMap<object, Promise<Buffer>>();
  readonly #live = new Set<Member<Position>>();
  /** Those who are ahead, each until the channel comes to where it is. */
  readonly #ahead = new Map<Member<Position>, Position>();
  readonly #full: Member<Position>[] = [];
  #position: Position;
  #appended: Batch<Position>[] = [];
  #working = false;

  constructor(shared: Shared<Position>, renderer: Renderer, onError: (error: unknown) => void) {
    this.#shared = shared;
    this.#renderer = renderer;
    this.#onError = onError;
    this.#selection = new Selection(shared);
    this.#position = shared.log.end;
    this.#watch = shared.log.watch((items) => this.#hear(items));
  }

  /** The serialized message of each item; that of the same item is made once, by those who come about together. */
  async render(items: readonly object[]): Promise<Buffer[]> {
    const missing = items.filter((item) => !this.#bodies.has(item));
    if (missing.length > 0) this.#make(missing);
    return await Promise.all(items.map(async (item) => await this.#bodies.get(item)!));
  }

  /** Serves a member from the log's present end on, where it stands, until it leaves or has to. */
  join(member: Member<Position>, at: Position): void {
    if (this.#position === at) this.#live.add(member);
    else this.#ahead.set(member, at);
  }

  leave(member: Member<Position>): void {
    if (this.#live.delete(member)) {
      member.served(this.#position);
      return;
    }
    const at = this.#ahead.get(member);
    if (this.#ahead.delete(member)) member.served(at!);
  }

  [Symbol.dispose](): void {
    this.#watch[Symbol.dispose]();
    this.#dismiss();
  }

  #hear(items: readonly LogItem<Position>[]): void {
    // The log broke: everyone finds out by reading on.
    if (items.length === 0) this.#dismiss();
    else this.#appended.push({ items, end: this.#shared.log.end });
    if (!this.#working) void this.#work();
  }

  /** Kept for a moment: whoever comes later is to see what messages link to as it is then. */
  #make(items: readonly object[]): void {
    const rendered = this.#renderer.results(items);
    for (const [i, item] of items.entries())
      this.#bodies.set(
        item,
        rendered.then((results) => nextBody(results[i])),
      );
    const forget = (gone: readonly object[]): void => {
      for (const item of gone) this.#bodies.delete(item);
    };
    rendered.then(
      (results) => {
        forget(items.filter((_, i) => results[i]!.errors !== undefined));
        setTimeout(() => forget(items), KEPT_MS).unref();
      },
      () => forget(items),
    );
  }

  async #work(): Promise<void> {
    this.#working = true;
    while (this.#appended.length > 0) {
      // All that came meanwhile at once: the more there is, the less each costs.
      const batches = this.#appended.splice(0);
      try {
        await this.#deliver(batches.map(({ items, end }) => ({ items: this.#selection.of(items), end })));
      } catch (error) {
        this.#onError(error);
        this.#dismiss();
        this.#position = batches.at(-1)!.end;
        this.#admit();
      }
      if (this.#position === this.#shared.log.end && this.#shared.isOver()) this.#dismiss();
    }
    this.#working = false;
  }

  /** Stops at each place where somebody waits to join. */
  async #deliver(batches: readonly Batch<Position, LogItem<Position> | EdgeItem>[]): Promise<void> {
    const bodies = await this.render(batches.flatMap(({ items }) => items));
    const awaited = new Set(this.#ahead.values());
    let from = 0;
    let to = 0;
    for (const [i, { items, end }] of batches.entries()) {
      to += items.length;
      if (i < batches.length - 1 && !awaited.has(end)) continue;
      this.#push(bodies.slice(from, to));
      from = to;
      this.#position = end;
      this.#admit();
    }
  }

  /** Those who cannot go on leave behind what they were sent. */
  #push(bodies: readonly Buffer[]): void {
    if (bodies.length === 0) return;
    for (const member of this.#live) if (!member.receive(bodies)) this.#full.push(member);
  }

  #admit(): void {
    for (const member of this.#full.splice(0)) this.leave(member);
    for (const [member, at] of this.#ahead) {
      if (at !== this.#position) continue;
      this.#ahead.delete(member);
      this.#live.add(member);
    }
  }

  #dismiss(): void {
    for (const member of [...this.#live, ...this.#ahead.keys()]) this.leave(member);
  }
}
