/** Every escape of a JSON text, so that the second half of an escaped backslash is never taken for the start of one. */
const ESCAPE = /\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|[^u])/g;
const LONE_HALF = /^\\u[dD][89a-fA-F][0-9a-fA-F]{2}$/;
const MAYBE_HALF = /\\u[dD][89a-fA-F]/;

/**
 * JSON can write a half of a surrogate pair, which is no character: PostgreSQL refuses it. It becomes U+FFFD, as
 * everywhere on the way into UTF-8.
 */
export function mendSurrogates(json: string): string {
  if (!MAYBE_HALF.test(json)) return json;
  return json.replaceAll(ESCAPE, (found) => (LONE_HALF.test(found) ? "\\ufffd" : found));
}

/** A NUL, which PostgreSQL stores in no text, stands in JSON as the escape \u0000. */
export function mendNuls(json: string): string {
  return json.replaceAll(ESCAPE, (found) => (found === "\\u0000" ? "\\ufffd" : found));
}
