/**
 * A position in a stream, as clients keep it: opaque, and bound to the stream and to the database it was given out
 * for (the epoch). The parts are joined as text, so no part may contain the separator.
 */

const SEPARATOR = "|";
/** PostgreSQL's integers end here: no position lies beyond. */
const MAX_PART = 2 ** 31 - 1;

export interface StreamCursor {
  readonly epoch: string;
  /** Names the stream: its kind and its object. */
  readonly stream: string;
  readonly position: readonly number[];
}

export function encodeCursor({ epoch, stream, position }: StreamCursor): string {
  return btoa([epoch, stream, position.join(".")].join(SEPARATOR))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replaceAll("=", "");
}

/** Null when it is no cursor, or a cursor of another stream. */
export function decodeCursor(cursor: string, stream: string): StreamCursor | null {
  let text: string;
  try {
    text = atob(cursor.replaceAll("-", "+").replaceAll("_", "/"));
  } catch {
    return null;
  }
  const [epoch, name, numbers, ...rest] = text.split(SEPARATOR);
  if (epoch === undefined || name !== stream || numbers === undefined || rest.length > 0) return null;
  const position = numbers.split(".").map(Number);
  return position.every((part) => Number.isInteger(part) && part >= 0 && part <= MAX_PART)
    ? { epoch, stream, position }
    : null;
}

/** Where a subscriber wants to begin: after a cursor, before everything, or behind everything. */
export type StreamPosition =
  | { readonly kind: "CURSOR"; readonly cursor: string }
  | { readonly kind: "START" }
  | { readonly kind: "HEAD" };

/** The cursor that a client sent belongs to no such stream. */
export class InvalidCursorError extends Error {}
