import type { Storage } from "@graphiql/toolkit";

/**
 * The browser's storage for tabs, queries and history, but never for request headers: they hold the token, and
 * what is written there outlives the session and is open to every script of this origin.
 */
export const browserStorage: Storage = {
  getItem: (key) => localStorage.getItem(key),
  setItem: (key, value) => localStorage.setItem(key, withoutHeaders(value)),
  removeItem: (key) => localStorage.removeItem(key),
  clear: () => localStorage.clear(),
  get length() {
    return localStorage.length;
  },
};

function withoutHeaders(value: string): string {
  try {
    return JSON.stringify(JSON.parse(value), (key, part: unknown) => (key === "headers" ? null : part));
  } catch {
    // Settings and query texts are stored as they are and hold no headers.
    return value;
  }
}

/** What a first visit shows. Query and variables go in together: GraphiQL opens a new tab when only one is stored. */
export function seedStorage(query: string, variables: string): void {
  if (localStorage.getItem("graphiql:tabState") !== null) return;
  localStorage.setItem("graphiql:query", query);
  localStorage.setItem("graphiql:variables", variables);
}
