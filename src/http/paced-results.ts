import { type ExecutionResult, GraphQLError } from "graphql";

type Result = IteratorResult<ExecutionResult, void>;

export interface Pace {
  /** Settles when the next result can be sent, or when nothing can be sent any more. */
  readonly ready: () => Promise<void>;
  /** Called with every result in hand; may end the stream, and the result is not sent then. */
  readonly check: () => void;
}

/**
 * The results of a subscription, taken no faster than the client takes them. What ends it early - an error of its
 * source or one from outside - is its last result. An object rather than a generator: `return()` ends its wait.
 */
export class PacedResults implements AsyncGenerator<ExecutionResult, void, void> {
  readonly #source: AsyncGenerator<ExecutionResult, void, void>;
  readonly #pace: Pace;
  #ending: GraphQLError | null = null;
  #done = false;
  #interrupt = (): void => {};

  constructor(source: AsyncGenerator<ExecutionResult, void, void>, pace: Pace) {
    this.#source = source;
    this.#pace = pace;
  }

  /** The error becomes the last result, at once if the source is being waited for. */
  end(error: GraphQLError): void {
    this.#ending ??= error;
    this.#interrupt();
  }

  async next(): Promise<Result> {
    if (this.#done) return { done: true, value: undefined };
    await this.#pace.ready();
    const result = await this.#take();
    if (result.done !== true) this.#pace.check();
    if (this.#ending === null) return result;
    const value = { errors: [this.#ending] };
    await this.return();
    return { done: false, value };
  }

  async return(): Promise<Result> {
    this.#done = true;
    this.#interrupt();
    await this.#source.return();
    return { done: true, value: undefined };
  }

  async throw(error: unknown): Promise<Result> {
    await this.return();
    throw error;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }

  #take(): Promise<Result> {
    return new Promise((resolve) => {
      this.#interrupt = () => resolve({ done: true, value: undefined });
      if (this.#done || this.#ending !== null) this.#interrupt();
      else
        this.#source.next().then(resolve, (error: unknown) => {
          this.end(asGraphQLError(error));
        });
    });
  }
}

function asGraphQLError(error: unknown): GraphQLError {
  if (error instanceof GraphQLError) return error;
  return new GraphQLError("the subscription broke off", {
    originalError: error instanceof Error ? error : new Error(String(error)),
  });
}
