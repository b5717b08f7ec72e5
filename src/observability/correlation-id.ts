import { randomBytes } from "node:crypto";

/**
 * The id that ties log lines and error answers of one request together. A caller's own id is taken over
 * only when it is short and plain, because it is written to logs and headers.
 */
export function correlationId(fromCaller?: unknown): string {
  return typeof fromCaller === "string" && /^[\w.:-]{1,64}$/.test(fromCaller)
    ? fromCaller
    : randomBytes(16).toString("hex");
}
