import { Client, cacheExchange, type Exchange, fetchExchange, gql, subscriptionExchange } from "urql/core";
import { createRuncastClient, type RuncastClient } from "../../../src/client/runcast-client.ts";

/** Subscriptions go through the Runcast client, which resumes them; urql does everything else. */
export function runcastExchange(runcast: RuncastClient): Exchange {
  return subscriptionExchange({
    forwardSubscription: ({ query = "", variables = {} }) => ({
      subscribe: (sink) => ({
        unsubscribe: runcast.subscribe<Record<string, unknown>>(
          { query, variables },
          {
            next: (_message, data) => sink.next({ data }),
            error: (error) => sink.error(error),
            complete: () => sink.complete(),
          },
        ),
      }),
    }),
  });
}

export interface ConnectOptions {
  readonly url: string;
  readonly token: string;
  /** Node before 22 has no WebSocket of its own: that of the package `ws`. */
  readonly webSocketImpl?: unknown;
}

export function createUrqlClient(options: ConnectOptions): Client {
  const runcast = createRuncastClient(options);
  return new Client({
    url: `${options.url}/graphql`,
    preferGetMethod: false,
    fetchOptions: { headers: { authorization: `Bearer ${options.token}` } },
    exchanges: [cacheExchange, fetchExchange, runcastExchange(runcast)],
  });
}

const RUN_EVENTS = gql`
  subscription RunEvents($id: ID!, $after: StreamPosition!) {
    runEvents(workflowRunId: $id, after: $after) {
      __typename
      cursor
      ... on RunEvent { seq }
      ... on StepStatusChanged { stepStatus stepRun { id stepRef } }
    }
  }
`;

/** Where to begin: `{ at: "START" }`, `{ at: "HEAD" }`, or behind the message with that cursor. */
export interface RunVariables {
  readonly id: string;
  readonly after: { readonly at: "START" | "HEAD" } | { readonly cursor: string };
}

export interface RunEventMessage {
  readonly __typename: string;
  readonly cursor: string;
  /** Of events; CaughtUp and Reset have none. */
  readonly seq?: number;
}

/** The handler of `useSubscription` sees the repeated last message too: compare its `cursor` with that of the one before. */
export function followRun(
  client: Client,
  variables: RunVariables,
  onMessage: (message: RunEventMessage) => void,
  onError: (error: unknown) => void,
): { unsubscribe(): void } {
  return client
    .subscription<{ runEvents: RunEventMessage }>(RUN_EVENTS, { ...variables })
    .subscribe((result) => {
      if (result.error !== undefined) onError(result.error);
      // When a subscription is complete urql repeats the last result, with `hasNext: false`.
      else if (result.hasNext && result.data !== undefined) onMessage(result.data.runEvents);
    });
}
