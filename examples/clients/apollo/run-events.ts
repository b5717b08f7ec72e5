import {
  ApolloClient,
  ApolloLink,
  gql,
  HttpLink,
  InMemoryCache,
  Observable,
  type PossibleTypesMap,
} from "@apollo/client/core";
import { createRuncastClient, type RuncastClient } from "../../../src/client/runcast-client.ts";

/** Subscriptions go through the Runcast client, which resumes them; Apollo does everything else. */
export function runcastLink(runcast: RuncastClient): ApolloLink {
  return new ApolloLink(
    ({ query, variables }) =>
      new Observable((observer) =>
        runcast.subscribe<Record<string, unknown>>(
          { query, variables },
          {
            next: (_message, data) => observer.next({ data }),
            error: (error) => observer.error(error),
            complete: () => observer.complete(),
          },
        ),
      ),
  );
}

const POSSIBLE_TYPES = `{ __schema { types { name possibleTypes { name } } } }`;

interface SchemaTypes {
  readonly __schema: {
    readonly types: readonly {
      readonly name: string;
      readonly possibleTypes: readonly { readonly name: string }[] | null;
    }[];
  };
}

/** The cache has to know which events are a RunEvent. Better done once, when the page is built. */
async function possibleTypesOf(runcast: RuncastClient): Promise<PossibleTypesMap> {
  const { __schema } = await runcast.request<SchemaTypes>(POSSIBLE_TYPES);
  const abstract = __schema.types.filter(({ possibleTypes }) => possibleTypes !== null);
  return Object.fromEntries(
    abstract.map(({ name, possibleTypes }) => [name, possibleTypes!.map((type) => type.name)]),
  );
}

export interface ConnectOptions {
  readonly url: string;
  readonly token: string;
  /** Node before 22 has no WebSocket of its own: that of the package `ws`. */
  readonly webSocketImpl?: unknown;
}

export async function createApolloClient(options: ConnectOptions): Promise<ApolloClient> {
  const runcast = createRuncastClient(options);
  const headers = { authorization: `Bearer ${options.token}` };
  return new ApolloClient({
    cache: new InMemoryCache({
      possibleTypes: await possibleTypesOf(runcast),
      // Events have no id: of each subscription the cache holds the newest, and what it links to for ever.
      typePolicies: { Subscription: { fields: { runEvents: { merge: (_before, event) => event } } } },
    }),
    link: ApolloLink.split(
      ({ operationType }) => operationType === "subscription",
      runcastLink(runcast),
      new HttpLink({ uri: `${options.url}/graphql`, headers }),
    ),
  });
}

const RUN_EVENTS = gql`
  subscription RunEvents($id: ID!, $after: StreamPosition!) {
    runEvents(workflowRunId: $id, after: $after) {
      __typename
      cursor
      ... on RunEvent { seq workflowRun { id status } }
      ... on StepStatusChanged { stepStatus stepRun { id stepRef status } }
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

/** The run and its steps in the cache, and so on the page, change with each event. */
export function followRun(
  client: ApolloClient,
  variables: RunVariables,
  onMessage: (message: RunEventMessage) => void,
  onError: (error: unknown) => void,
): { unsubscribe(): void } {
  return client
    .subscribe<{ runEvents: RunEventMessage }>({ query: RUN_EVENTS, variables: { ...variables } })
    .subscribe(({ data, error }) => {
      if (error !== undefined) onError(error);
      else if (data) onMessage(data.runEvents);
    });
}
