import type { IncomingHttpHeaders } from "node:http";

/** Programs send no origin; pages may come from the server itself and from where its settings say. */
export function isAllowedOrigin(
  { origin, host }: IncomingHttpHeaders,
  allowedOrigins: readonly string[],
): boolean {
  if (origin === undefined || allowedOrigins.includes(origin)) return true;
  return URL.canParse(origin) && new URL(origin).host === host;
}
