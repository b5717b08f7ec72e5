const KEY = "runcast.token";

/** Kept for this tab only: another tab or a later visit needs its own. */
export function currentToken(): string {
  return sessionStorage.getItem(KEY) ?? "";
}

export function keepToken(token: string): void {
  sessionStorage.setItem(KEY, token);
}

export function forgetToken(): void {
  sessionStorage.removeItem(KEY);
}

/**
 * Moves `#token=...` out of the address, where it would be copied, bookmarked and remembered. A fragment never
 * reaches a server, so a link may carry a token in it.
 * @returns whether there was one
 */
export function takeTokenFromAddress(): boolean {
  const fragment = new URLSearchParams(location.hash.slice(1));
  const token = fragment.get("token")?.trim();
  if (!token) return false;
  keepToken(token);
  fragment.delete("token");
  const rest = fragment.size > 0 ? `#${fragment}` : "";
  history.replaceState(history.state, "", `${location.pathname}${location.search}${rest}`);
  return true;
}
