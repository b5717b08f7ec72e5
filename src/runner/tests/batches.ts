import { MAX_TESTS_A_CALL } from "../protocol-tests.ts";

/** Of one call's list; a body may have 256 KiB in all. */
const MAX_BATCH_BYTES = 160 * 1024;

/** As many of the first items as one call can carry, at least one if there is any. */
export function firstBatch<T>(items: readonly T[]): T[] {
  let bytes = 0;
  const end = items.slice(0, MAX_TESTS_A_CALL).findIndex((item, index) => {
    bytes += jsonBytes(item);
    return index > 0 && bytes > MAX_BATCH_BYTES;
  });
  return items.slice(0, end === -1 ? MAX_TESTS_A_CALL : end);
}

export function jsonBytes(value: unknown): number {
  return Buffer.byteLength(JSON.stringify(value));
}

/** A text that takes no more bytes in JSON, where control characters take six each: cut by halves until it fits. */
export function fittingText(text: string | null, maxJsonBytes: number): string | null {
  let fitting = text;
  while (fitting !== null && jsonBytes(fitting) > maxJsonBytes) {
    fitting = `${fitting.slice(0, fitting.length / 2).replace(/[\uD800-\uDBFF]$/, "")}\n[cut here]`;
  }
  return fitting;
}
