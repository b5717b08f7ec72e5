import {
  Environment,
  type FetchFunction,
  Network,
  Observable,
  RecordSource,
  requestSubscription,
  Store,
  type SubscribeFunction,
} from "relay-runtime";
import { createRuncastClient, type RuncastClient } from "../../../src/client/runcast-client.ts";
import RunEvents, { type runEventsSubscription } from "./__generated__/runEventsSubscription.graphql.ts";

export type RunEventMessage = runEventsSubscription["response"]["runEvents"];

export interface ConnectOptions {
  readonly url: string;
  readonly token: string;
  /** Node before 22 has no WebSocket of its own: that of the package `ws`. */
  readonly webSocketImpl?: unknown;
}

export function createEnvironment(options: ConnectOptions): Environment {
  const runcast = createRuncastClient(options);
  const fetchQuery: FetchFunction = async ({ text }, variables) => ({
    data: await runcast.request<Record<string, unknown>>(text!, variables),
  });
  return new Environment({
    network: Network.create(fetchQuery, runcastSubscriptions(runcast)),
    store: new Store(new RecordSource()),
  });
}

/** Subscriptions go through the Runcast client, which resumes them. */
function runcastSubscriptions(runcast: RuncastClient): SubscribeFunction {
  return ({ text }, variables) =>
    Observable.create((sink) =>
      runcast.subscribe<Record<string, unknown>>(
        { query: text!, variables },
        {
          next: (_message, data) => sink.next({ data }),
          error: (error) => sink.error(error as Error),
          complete: () => sink.complete(),
        },
      ),
    );
}

/** The run and its steps in the store, and so on the page, change with each event. */
export function followRun(
  environment: Environment,
  variables: runEventsSubscription["variables"],
  onMessage: (message: RunEventMessage) => void,
  onError: (error: unknown) => void,
): { dispose(): void } {
  return requestSubscription<runEventsSubscription>(environment, {
    subscription: RunEvents,
    variables,
    onNext: (response) => response && onMessage(response.runEvents),
    onError,
  });
}
