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

/** A position that is no list of numbers: its stream knows how to read it. */
export interface TextCursor {
  readonly epoch: string;
  readonly stream: string;
  readonly text: string;
}

/** Nothing that was given out is longer: the transactions of a database with thousands of connections. */
const MAX_LENGTH = 32 * 1024;

export function encodeCursor({ epoch, stream, position }: StreamCursor): string {
  return encodeTextCursor({ epoch, stream, text: position.join(".") });
}

export function encodeTextCursor({ epoch, stream, text }: TextCursor): string {
  return btoa([epoch, stream, text].join(SEPARATOR))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replaceAll("=", "");
}

/** Null when it is no cursor, or a cursor of another stream. */
export function decodeCursor(cursor: string, stream: string): StreamCursor | null {
  const decoded = decodeTextCursor(cursor, stream);
  if (decoded === null) return null;
  const position = decoded.text.split(".").map(Number);
  return position.every((part) => Number.isInteger(part) && part >= 0 && part <= MAX_PART)
    ? { epoch: decoded.epoch, stream, position }
    : null;
}

/** Null when it is no cursor, or a cursor of another stream. What its text says is left to the stream. */
export function decodeTextCursor(cursor: string, stream: string): TextCursor | null {
  if (cursor.length > MAX_LENGTH) return null;
  let parts: string[];
  try {
    parts = atob(cursor.replaceAll("-", "+").replaceAll("_", "/")).split(SEPARATOR);
  } catch {
    return null;
  }
  const [epoch, name, text, ...rest] = parts;
  if (epoch === undefined || name !== stream || text === undefined || rest.length > 0) return null;
  return { epoch, stream, text };
}

/** Where a subscriber wants to begin: after a cursor, before everything, or behind everything. */
export type StreamPosition =
  | { readonly kind: "CURSOR"; readonly cursor: string }
  | { readonly kind: "START" }
  | { readonly kind: "HEAD" };

/** The cursor that a client sent belongs to no such stream. */
export class InvalidCursorError extends Error {}
