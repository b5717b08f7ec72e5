import type { RuncastClient } from "../../../src/client/runcast-client.ts";

const EVENTS = `subscription ($id: ID!, $after: StreamPosition!) {
  runEvents(workflowRunId: $id, after: $after) { __typename cursor ... on RunEvent { seq } } }`;

interface Events {
  readonly runEvents: { readonly __typename: string; readonly cursor: string; readonly seq?: number };
}

export interface SubscriberOptions {
  readonly client: RuncastClient;
  readonly runId: string;
  readonly at: "START" | "HEAD";
}

/** Who follows one run to its end, through whatever happens, and writes down what came. */
export class Subscriber {
  readonly startsAt: "START" | "HEAD";
  readonly seqs: number[] = [];
  /** Messages that are no events, in their order. */
  readonly marks: string[] = [];
  /** The codes with which its connections were lost. */
  readonly losses: number[] = [];
  /** When the run's end came, by the clock of this machine. */
  finishedAt: number | null = null;
  /** Resolves when the server completes the subscription. */
  readonly completed: Promise<void>;
  readonly #left = new AbortController();

  constructor(options: SubscriberOptions) {
    this.startsAt = options.at;
    this.completed = this.#follow(options);
    // Seen by who awaits it; until then it is no unhandled rejection.
    this.completed.catch(() => undefined);
  }

  leave(): void {
    this.#left.abort();
  }

  async #follow({ client, runId, at }: SubscriberOptions): Promise<void> {
    const messages = client.follow<Events>({
      query: EVENTS,
      variables: { id: runId, after: { at } },
      signal: this.#left.signal,
      onRetry: ({ code }) => void this.losses.push(code),
    });
    for await (const { __typename, seq } of messages) {
      if (seq === undefined) this.marks.push(__typename);
      else this.seqs.push(seq);
      if (__typename === "RunFinished") this.finishedAt = Date.now();
    }
  }
}
