/**
 * WebSocket frames (RFC 6455, section 5.2) of a server: text, final, never masked. The library makes a frame for
 * each of thousands of subscribers from the start; here all share the body, and only the front is their own.
 */

const FINAL_TEXT = 0x81;
const SHORT = 126;
const LONG = 127;

/** What comes before the shared body of a subscriber's messages; see `nextBody` for the rest. */
export function nextPrefix(operationId: string): Buffer {
  return Buffer.from(`{"type":"next","id":${JSON.stringify(operationId)},"payload":`);
}

/** The result of an operation as the rest of a `next` message of graphql-transport-ws. */
export function nextBody(result: unknown): Buffer {
  return Buffer.from(`${JSON.stringify(result)}}`);
}

/** One buffer with a frame for each body: one write, and so one system call, for all of them. */
export function framesOf(prefix: Buffer, bodies: readonly Buffer[]): Buffer {
  let total = 0;
  for (const body of bodies) total += headerBytes(prefix.length + body.length) + prefix.length + body.length;
  const frames = Buffer.allocUnsafe(total);
  let at = 0;
  for (const body of bodies) {
    at = writeHeader(frames, at, prefix.length + body.length);
    at += prefix.copy(frames, at);
    at += body.copy(frames, at);
  }
  return frames;
}

function headerBytes(length: number): number {
  if (length < SHORT) return 2;
  return length < 2 ** 16 ? 4 : 10;
}

function writeHeader(frames: Buffer, at: number, length: number): number {
  frames[at] = FINAL_TEXT;
  if (length < SHORT) {
    frames[at + 1] = length;
    return at + 2;
  }
  if (length < 2 ** 16) {
    frames[at + 1] = SHORT;
    return frames.writeUInt16BE(length, at + 2);
  }
  frames[at + 1] = LONG;
  return frames.writeBigUInt64BE(BigInt(length), at + 2);
}
