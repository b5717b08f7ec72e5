import { WebSocket } from "ws";
import { createRuncastClient, type RuncastClient } from "../../../src/client/runcast-client.ts";

const EVENTS = `subscription ($id: ID!, $after: StreamPosition!) {
  runEvents(workflowRunId: $id, after: $after) { __typename cursor ... on RunEvent { seq } } }`;

interface Events {
  readonly runEvents: { readonly __typename: string; readonly cursor: string; readonly seq?: number };
}

/** How many events came over the wire: the client helper would hide what a server repeats. */
export const wire = { events: 0 };

class CountingWebSocket extends WebSocket {
  constructor(...args: ConstructorParameters<typeof WebSocket>) {
    super(...args);
    this.on("message", (data) => {
      if (String(data).includes('"seq":')) wire.events++;
    });
  }
}

/** A client of which several subscribers may share the socket. */
export function clientOf(url: string, token: string): RuncastClient {
  return createRuncastClient({ url, token, webSocketImpl: CountingWebSocket });
}

/** Who follows one run to its end, through whatever happens, and writes down what came. */
export class Subscriber {
  readonly seqs: number[] = [];
  /** Messages that are no events, in their order. */
  readonly marks: string[] = [];
  /** How its connections were lost. */
  readonly closures: number[] = [];
  /** When the run's end came, by the clock of this machine. */
  finishedAt: number | null = null;
  /** Resolves when the server completes the subscription. */
  readonly completed: Promise<void>;

  readonly startsAt: "START" | "HEAD";

  constructor(client: RuncastClient, runId: string, at: "START" | "HEAD") {
    this.startsAt = at;
    this.completed = this.#follow(client, runId, at);
    // Seen by who awaits it; until then it is no unhandled rejection.
    this.completed.catch(() => undefined);
  }

  async #follow(client: RuncastClient, id: string, at: "START" | "HEAD"): Promise<void> {
    const messages = client.follow<Events>({
      query: EVENTS,
      variables: { id, after: { at } },
      onRetry: ({ code }) => void this.closures.push(code),
    });
    for await (const { __typename, seq } of messages) {
      if (seq === undefined) this.marks.push(__typename);
      else this.seqs.push(seq);
      if (__typename === "RunFinished") this.finishedAt = Date.now();
    }
  }
}
