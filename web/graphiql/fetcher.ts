import { createGraphiQLFetcher, type Fetcher } from "@graphiql/toolkit";

const CREDENTIALS = ["authorization", "x-access-token"];

/**
 * Queries and mutations over HTTP, subscriptions over a WebSocket that is told the same headers. The header
 * editor decides; where it names no credentials, `token` is used.
 */
export function createFetcher(token: string): Fetcher {
  const endpoint = new URL("/graphql", location.href);
  const socket = new URL(endpoint);
  socket.protocol = endpoint.protocol === "https:" ? "wss:" : "ws:";
  const fetcher = createGraphiQLFetcher({ url: endpoint.href, subscriptionUrl: socket.href });
  return (parameters, options) =>
    fetcher(parameters, { ...options, headers: withCredentials(options?.headers ?? {}, token) });
}

function withCredentials(headers: Record<string, unknown>, token: string): Record<string, unknown> {
  const lowerCase = Object.fromEntries(
    Object.entries(headers)
      .map(([name, value]) => [name.toLowerCase(), value] as const)
      .filter(([, value]) => value !== ""),
  );
  const named = CREDENTIALS.some((name) => name in lowerCase);
  return named || token === "" ? lowerCase : { ...lowerCase, authorization: `Bearer ${token}` };
}
