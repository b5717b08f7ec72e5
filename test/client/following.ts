import { expect, vi } from "vitest";
import { WebSocket } from "ws";
import {
  createRuncastClient,
  type FollowOptions,
  type RuncastClient,
  type RuncastClientOptions,
  type TokenSource,
} from "../../src/client/runcast-client.ts";
import type { Message } from "./stream-server.ts";

export const TICKS = `subscription ($topic: String!, $after: StreamPosition!) {
  ticks(topic: $topic, after: $after) { __typename cursor ... on Tick { n } ... on Reset { reason } }
}`;

export type Transport = NonNullable<RuncastClientOptions["transport"]>;
export const TRANSPORTS: readonly Transport[] = ["web-socket", "event-stream"];

export function clientOf(url: string, token: TokenSource = "good", transport?: Transport): RuncastClient {
  return createRuncastClient({ url, token, webSocketImpl: WebSocket, ...(transport && { transport }) });
}

export type TickOptions = Partial<FollowOptions<{ ticks: Message }, Record<string, unknown>>>;

export function followTicks(client: RuncastClient, options: TickOptions = {}) {
  return client.follow<{ ticks: Message }>({
    query: TICKS,
    variables: { topic: "a", after: { at: "START" } },
    ...options,
  });
}

export async function collect(
  stream: AsyncIterable<Message>,
  onMessage: (message: Message) => unknown = () => {},
): Promise<Message[]> {
  const messages: Message[] = [];
  for await (const message of stream) {
    messages.push(message);
    await onMessage(message);
  }
  return messages;
}

export const until = (condition: () => unknown) => vi.waitUntil(condition, { timeout: 10_000, interval: 5 });

export const ticksOf = (messages: readonly Message[]) => messages.flatMap(({ n }) => n ?? []);
export const upTo = (last: number) => Array.from({ length: last }, (_, index) => index + 1);

export async function failureOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => expect.unreachable("it should have failed"),
    (error: unknown) => error,
  );
}
