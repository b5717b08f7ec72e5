import { randomUUID } from "node:crypto";
import { FIXED_OPERATION } from "./stream-text.ts";
import { Subscriber } from "./subscriber.ts";

export interface AudienceOptions {
  readonly url: string;
  /** Shared by as many subscribers each as the server lets one account have; empty = the server asks for none. */
  readonly tokens: readonly string[];
  readonly workflowRunId: string;
  readonly subscribers: number;
  /** That each subscriber will be sent. */
  readonly events: number;
  readonly catchesUp: boolean;
  /** Whether all have the same operation id. */
  readonly fixedOperation: boolean;
}

/** Nothing at all happens for this long: it will not any more. */
const STALL_MS = 60_000;
/** Sockets that are opened at the same time; a server's queue of new ones is short. */
const CONNECT_AT_ONCE = 50;
/** Subscribers that read each message as a whole. */
const CAREFUL = 20;

interface Wait {
  readonly done: () => boolean;
  readonly settle: (error?: Error) => void;
}

/** Many subscribers of one run. */
export class Audience {
  readonly #options: AudienceOptions;
  readonly #subscribers: Subscriber[] = [];
  readonly #closures = new Map<string, number>();
  #wait: Wait | null = null;
  #failure: Error | null = null;
  #following = 0;
  #received = 0;
  #closed = 0;
  /** Whether the server may close sockets. */
  closable = false;

  private constructor(options: AudienceOptions) {
    this.#options = options;
  }

  /** Resolves when all of them follow. */
  static async open(options: AudienceOptions): Promise<Audience> {
    const audience = new Audience(options);
    const { subscribers } = options;
    for (let next = 0; next < subscribers; ) {
      const until = Math.min(subscribers, next + CONNECT_AT_ONCE);
      while (next < until) audience.#add(next++);
      await audience.#until(
        () => audience.#following >= until,
        `${until} of ${subscribers} subscribers follow`,
      );
    }
    return audience;
  }

  get subscribers(): readonly Subscriber[] {
    return this.#subscribers;
  }

  /** Closed sockets by "code reason". */
  get closures(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#closures);
  }

  /** Resolves when the first `subscribers` of them have all events. */
  async haveAll(subscribers: number): Promise<void> {
    const { events } = this.#options;
    await this.#until(
      () => this.#received >= subscribers * events && this.#lacking(subscribers) === undefined,
      `${subscribers} subscribers have ${events} events`,
    );
  }

  /** Resolves when each has all events or was closed. */
  async haveAllOrClosed(): Promise<void> {
    const { events, subscribers } = this.#options;
    const done = (): boolean => this.#lacking(subscribers) === undefined;
    await this.#until(done, `${subscribers} subscribers have ${events} events or are closed`);
  }

  /** That all of them were sent the same events, and no more of them. */
  check(): void {
    if (this.#failure !== null) throw this.#failure;
    const firsts = new Set(
      this.#subscribers.filter(({ received }) => received > 0).map(({ first }) => first),
    );
    if (firsts.size > 1)
      throw new Error(`subscribers disagree on the first event: ${[...firsts].join(", ")}`);
  }

  leave(): void {
    for (const subscriber of this.#subscribers) subscriber.leave();
  }

  #add(index: number): void {
    const { url, tokens, workflowRunId, catchesUp, fixedOperation, events } = this.#options;
    const careful = index < CAREFUL;
    const operationId = fixedOperation || index === 0 ? FIXED_OPERATION : randomUUID();
    const token = tokens[index % tokens.length] ?? null;
    const fail = (what: string): void => this.#fail(new Error(`subscriber ${index}: ${what}`));
    const subscriber = new Subscriber(
      { url, token, workflowRunId, operationId, catchesUp, careful },
      {
        following: () => this.#look(++this.#following),
        received: () => {
          if (subscriber.received > events) fail(`it was sent more than ${events} events`);
          this.#look(++this.#received);
        },
        failed: fail,
        closed: (code, reason) => {
          const why = `${code} ${reason}`.trim();
          this.#closures.set(why, (this.#closures.get(why) ?? 0) + 1);
          if (!this.closable)
            fail(`the server closed its socket after ${subscriber.received} events: ${why}`);
          this.#look(++this.#closed);
        },
      },
    );
    this.#subscribers.push(subscriber);
  }

  #lacking(among: number): number | undefined {
    const { events } = this.#options;
    const index = this.#subscribers.findIndex(
      ({ received, stage }, i) => i < among && received < events && stage !== "closed",
    );
    return index === -1 ? undefined : index;
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    this.#wait?.settle(this.#failure);
  }

  #look(_changed: number): void {
    if (this.#wait?.done()) this.#wait.settle();
  }

  async #until(done: () => boolean, what: string): Promise<void> {
    if (this.#failure !== null) throw this.#failure;
    if (done()) return;
    const progress = (): number => this.#following + this.#received + this.#closed;
    let last = { progress: progress(), at: performance.now() };
    const watch = setInterval(() => {
      if (progress() !== last.progress) last = { progress: progress(), at: performance.now() };
      else if (performance.now() - last.at > STALL_MS) this.#fail(new Error(this.#stalled(what)));
    }, 1_000);
    try {
      await new Promise<void>((resolve, reject) => {
        this.#wait = { done, settle: (error) => (error === undefined ? resolve() : reject(error)) };
      });
    } finally {
      clearInterval(watch);
      this.#wait = null;
    }
  }

  #stalled(what: string): string {
    const index = this.#subscribers.findIndex(
      ({ stage, received }) => stage !== "following" || received < this.#options.events,
    );
    const { stage, received } = this.#subscribers[index] ?? { stage: "unknown", received: 0 };
    const counts = `${this.#following} follow, ${this.#received} events were received, ${this.#closed} are closed`;
    return `waited until ${what}, but nothing came for ${STALL_MS} ms: ${counts}; subscriber ${index} is ${stage} with ${received} events`;
  }
}
