import type { ByteRange } from "../storage/blob-store.ts";

/**
 * What a `Range` header asks of a file of this size. Null = the whole file: nothing was asked, several ranges were, or
 * something that is not understood, which a server may all answer with the whole.
 */
export function readByteRange(header: string | undefined, size: number): ByteRange | "UNSATISFIABLE" | null {
  const found = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(header ?? "");
  if (found === null) return null;
  const [, first, last] = found as unknown as [string, string, string];
  if (first === "") return last === "" ? null : lastBytes(Number(last), size);
  const start = Number(first);
  const end = last === "" ? size : Math.min(Number(last) + 1, size);
  if (last !== "" && Number(last) < start) return null;
  return start >= size ? "UNSATISFIABLE" : { start, end };
}

function lastBytes(count: number, size: number): ByteRange | "UNSATISFIABLE" {
  return count === 0 || size === 0 ? "UNSATISFIABLE" : { start: Math.max(size - count, 0), end: size };
}
