import type { GraphQLFormattedError } from "graphql";
import type { FormattedExecutionResult } from "graphql-ws";
import { backoffMs } from "./backoff.ts";
import { type Closure, isAboutToken, isFinal } from "./closures.ts";
import { DeliveredMessages } from "./delivered-messages.ts";
import { documentText, type RuncastDocument } from "./documents.ts";
import { RuncastConnectionError, RuncastRequestError } from "./errors.ts";
import { type Ending, MessageQueue } from "./message-queue.ts";
import type { OperationEnd, Subscribe } from "./shared-socket.ts";
import { type MessageOf, messageOf, type StreamMessage } from "./stream-message.ts";

export interface Retry extends Closure {
  /** 1 for the first one since the last message. */
  readonly attempt: number;
  readonly delayMs: number;
}

/** How a client reaches its server. */
export interface Connection {
  readonly subscribe: Subscribe;
  /** Whether a new attempt comes with a new token. */
  readonly renewsToken: boolean;
}

export interface FollowOptions<Result, Variables> {
  /** Must declare the position variable and select `__typename cursor` on every message. */
  readonly query: RuncastDocument<Result, Variables>;
  readonly variables: Variables;
  /** The variable that takes the position; `after` unless told otherwise. */
  readonly positionVariable?: string;
  /** Aborting makes the iteration throw the signal's reason. */
  readonly signal?: AbortSignal;
  /** Called just before a Reset is handed out: what was built from earlier messages is to be fetched anew. */
  readonly onReset?: (reset: MessageOf<Result>) => void;
  /** Called whenever the connection was lost and will be tried again. */
  readonly onRetry?: (retry: Retry) => void;
  /** Attempts in a row without a message after which it gives up; without it, never. */
  readonly maxAttempts?: number;
  /**
   * Hands out Checkpoint messages too, which only move the position of a stream that is filtered. For who keeps
   * the position; without it they are used and not shown.
   */
  readonly checkpoints?: boolean;
}

/** A server that cannot answer for now is like one that cannot be reached; the code is "try again later". */
const BUSY: Closure = { code: 1013, reason: "the server is busy" };

/** Said in place of closing, where the connection is shared or has no close codes. */
const TOKEN_ENDED = 4403;

type Errors = readonly Pick<GraphQLFormattedError, "message" | "extensions">[];

/** The closure that errors of an operation amount to; null when it is the operation that is refused. */
function closureIn(errors: Errors): Closure | null {
  const errorOf = (code: string) => errors.find(({ extensions }) => extensions?.["code"] === code);
  if (errorOf("BUSY") !== undefined) return BUSY;
  const ended = errorOf("UNAUTHENTICATED");
  return ended === undefined ? null : { code: TOKEN_ENDED, reason: ended.message };
}

/** A consumer this far behind loses its subscription and gets it back when it has worked off half of that. */
const MOST_QUEUED = 1000;

/** An object rather than a generator: a parked generator would not notice that its consumer has left. */
export class Follower<Result, Variables> implements AsyncIterableIterator<MessageOf<Result>, undefined> {
  readonly #connection: Connection;
  readonly #options: FollowOptions<Result, Variables>;
  readonly #query: string;
  readonly #positionVariable: string;
  readonly #delivered = new DeliveredMessages();
  readonly #queue = new MessageQueue<StreamMessage>();
  #started = false;
  #lagging = false;
  #caughtUp = false;
  #position: string | null = null;
  #attempt = 0;
  #tokenRenewed = false;
  #field = "";
  #unsubscribe = () => {};
  #retryTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(connection: Connection, options: FollowOptions<Result, Variables>) {
    this.#connection = connection;
    this.#options = options;
    this.#query = documentText(options.query as RuncastDocument<never, never>);
    this.#positionVariable = options.positionVariable ?? "after";
    if (!new RegExp(`\\$${this.#positionVariable}\\b`).test(this.#query)) {
      throw new TypeError(`A followed subscription must declare $${this.#positionVariable}`);
    }
  }

  /** The field that the messages are in; known with the first one. */
  get field(): string {
    return this.#field;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async next(): Promise<IteratorResult<MessageOf<Result>, undefined>> {
    if (!this.#started) this.#start();
    const result = (await this.#queue.take()) as IteratorResult<MessageOf<Result>, undefined>;
    if (this.#lagging && this.#queue.length <= MOST_QUEUED / 2) this.#connect();
    if (result.done !== true && result.value.__typename === "Reset") this.#announceReset(result.value);
    return result;
  }

  async return(): Promise<IteratorResult<MessageOf<Result>, undefined>> {
    this.#stop({});
    return { done: true, value: undefined };
  }

  #start(): void {
    this.#started = true;
    const { signal } = this.#options;
    signal?.addEventListener("abort", this.#abort);
    if (signal?.aborted) this.#abort();
    else this.#connect();
  }

  readonly #abort = (): void => this.#stop({ error: this.#options.signal?.reason });

  readonly #connect = (): void => {
    this.#lagging = false;
    this.#delivered.connecting();
    const variables = { ...(this.#options.variables as Record<string, unknown>) };
    if (this.#position !== null) variables[this.#positionVariable] = { cursor: this.#position };
    this.#endOnError(() => {
      this.#unsubscribe = this.#connection.subscribe(
        { query: this.#query, variables },
        {
          next: (result) => this.#endOnError(() => this.#receive(result)),
          end: (end) => this.#endOnError(() => this.#subscriptionEnded(end)),
        },
      );
    });
  };

  #receive(result: FormattedExecutionResult): void {
    if (result.errors !== undefined && result.errors.length > 0) {
      const closure = closureIn(result.errors);
      if (closure === null)
        throw new RuncastRequestError({ errors: result.errors, data: result.data, status: null });
      this.#unsubscribe();
      this.#retry(closure);
      return;
    }
    const [field, message] = messageOf(result);
    this.#field = field;
    this.#attempt = 0;
    this.#tokenRenewed = false;
    if (!this.#isNews(message)) return;
    this.#position = message.cursor;
    this.#queue.push(message);
    if (this.#queue.length >= MOST_QUEUED) {
      this.#lagging = true;
      this.#unsubscribe();
    }
  }

  #isNews(message: StreamMessage): boolean {
    if (message.__typename === "Reset") {
      this.#delivered.forgetAll();
      this.#caughtUp = false;
      return true;
    }
    if (message.__typename === "Checkpoint") {
      this.#position = message.cursor;
      return this.#options.checkpoints === true;
    }
    if (message.__typename !== "CaughtUp") return this.#delivered.add(message);
    // Sent once a subscription, but the consumer sees one stream over all of them: only the first one is news.
    this.#position = message.cursor;
    const first = !this.#caughtUp;
    this.#caughtUp = true;
    return first;
  }

  #announceReset(reset: MessageOf<Result>): void {
    try {
      this.#options.onReset?.(reset);
    } catch (error) {
      this.#stop({});
      throw error;
    }
  }

  #subscriptionEnded(end: OperationEnd): void {
    if (end.kind === "complete") {
      this.#end({});
      return;
    }
    const closure = end.kind === "closed" ? end.closure : closureIn(end.errors);
    if (closure !== null) this.#retry(closure);
    else if (end.kind === "refused") throw new RuncastRequestError({ errors: end.errors, status: null });
  }

  #retry(closure: Closure): void {
    this.#attempt++;
    if (!this.#mayCure(closure) || this.#attempt > (this.#options.maxAttempts ?? Number.POSITIVE_INFINITY)) {
      const text = `The connection was closed: ${closure.code} ${closure.reason}`.trimEnd();
      throw new RuncastConnectionError(text, closure.code);
    }
    const delayMs = backoffMs(this.#attempt);
    this.#retryTimer = setTimeout(this.#connect, delayMs);
    this.#options.onRetry?.({ ...closure, attempt: this.#attempt, delayMs });
  }

  /** A token that is not accepted is exchanged once; only a message proves that the new one is. */
  #mayCure(closure: Closure): boolean {
    if (!isFinal(closure)) return true;
    const exchange = isAboutToken(closure) && this.#connection.renewsToken && !this.#tokenRenewed;
    this.#tokenRenewed ||= exchange;
    return exchange;
  }

  /** Nobody up the stack of a socket's event could deal with an error: it belongs to the consumer. */
  #endOnError(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#end({ error });
    }
  }

  /** Messages that have already arrived are still handed out. */
  #end(ending: Ending): void {
    if (this.#queue.ended) return;
    this.#lagging = false;
    clearTimeout(this.#retryTimer);
    this.#options.signal?.removeEventListener("abort", this.#abort);
    this.#unsubscribe();
    this.#queue.end(ending);
  }

  #stop(ending: Ending): void {
    this.#started = true;
    this.#queue.clear();
    this.#end(ending);
  }
}
