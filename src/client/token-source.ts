/** A token, or a function that is asked for one before every connection and request. */
export type TokenSource = string | (() => string | Promise<string>);

export async function tokenFrom(source: TokenSource): Promise<string> {
  return typeof source === "string" ? source : await source();
}

/** Whether asking again may give another token. */
export function isRenewable(source: TokenSource): boolean {
  return typeof source === "function";
}
