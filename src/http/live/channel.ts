import type { LiveLog, LogItem } from "../../realtime/live-log.ts";
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

export interface Shared<Position> {
  readonly log: LiveLog<LogItem<Position>, Position>;
  wants(item: LogItem<Position>): boolean;
  isOver(): boolean;
}

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
  #appended: { readonly items: readonly LogItem<Position>[]; readonly end: Position }[] = [];
  #working = false;

  constructor(shared: Shared<Position>, renderer: Renderer, onError: (error: unknown) => void) {
    this.#shared = shared;
    this.#renderer = renderer;
    this.#onError = onError;
    this.#selection = new Selection(shared);
    this.#position = shared.log.end;
    this.#watch = shared.log.watch((items) => this.#hear(items));
  }

  /** The serialized message of each item; that of the same item is made once. */
  async render(items: readonly object[]): Promise<Buffer[]> {
    const missing = items.filter((item) => !this.#bodies.has(item));
    const rendered = this.#renderer.results(missing);
    for (const [i, item] of missing.entries())
      this.#bodies.set(
        item,
        rendered.then((results) => nextBody(results[i])),
      );
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

  async #work(): Promise<void> {
    this.#working = true;
    for (let next = this.#appended.shift(); next !== undefined; next = this.#appended.shift()) {
      try {
        this.#push(await this.render(this.#selection.of(next.items)));
      } catch (error) {
        this.#onError(error);
        this.#dismiss();
      }
      this.#position = next.end;
      this.#admit();
      if (this.#position === this.#shared.log.end && this.#shared.isOver()) this.#dismiss();
    }
    this.#working = false;
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
