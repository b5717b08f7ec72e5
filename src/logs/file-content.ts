import { Readable } from "node:stream";
import { createGunzip, type Gunzip } from "node:zlib";

/** Why the content of a file is not taken. */
export class FileRefusedError extends Error {
  readonly kind: "TOO_LARGE" | "NOT_TAKEN";

  constructor(kind: "TOO_LARGE" | "NOT_TAKEN", message: string) {
    super(message);
    this.kind = kind;
  }
}

/** Replaces secrets in a stream of bytes; what may be the beginning of one is held back until more comes. */
export interface MaskStream {
  push(chunk: Uint8Array): Uint8Array;
  end(): Uint8Array;
}

/** Text shrinks to a tenth or so; what shrinks to less than a hundredth was made to burst. */
const MAX_RATIO = 100;
const RATIO_FREE_BYTES = 2 ** 20;
const GZIP = Buffer.from([0x1f, 0x8b]);
const ZIP = Buffer.from([0x50, 0x4b, 0x03, 0x04]);

export type Bytes = AsyncIterable<Uint8Array>;

/** What is to be kept of a file that is being sent, and how it is told from the first bytes. */
export interface SniffedContent {
  readonly gzip: boolean;
  readonly content: AsyncGenerator<Buffer, void, void>;
}

/** Looks at the first bytes: gzip is taken and inflated, other archives are not. */
export async function sniff(source: Bytes): Promise<SniffedContent> {
  const iterator = source[Symbol.asyncIterator]();
  const first: Buffer[] = [];
  let done = false;
  while (!done && first.reduce((sum, { length }) => sum + length, 0) < ZIP.length) {
    const step = await iterator.next();
    done = step.done === true;
    if (!step.done) first.push(Buffer.from(step.value));
  }
  const head = Buffer.concat(first);
  if (head.subarray(0, ZIP.length).equals(ZIP)) {
    await iterator.return?.();
    throw new FileRefusedError("NOT_TAKEN", "zip archives are not taken: send the text, or gzip it");
  }
  const gzip = head.subarray(0, GZIP.length).equals(GZIP);
  return { gzip, content: rejoined(head, iterator) };
}

async function* rejoined(head: Buffer, rest: AsyncIterator<Uint8Array>): AsyncGenerator<Buffer, void, void> {
  try {
    if (head.length > 0) yield head;
    for (let step = await rest.next(); !step.done; step = await rest.next()) yield Buffer.from(step.value);
  } finally {
    await rest.return?.();
  }
}

/** Refuses what has more bytes than it may, as soon as it has. */
export async function* bounded(source: Bytes, maxBytes: number): AsyncGenerator<Buffer, void, void> {
  let bytes = 0;
  for await (const chunk of source) {
    bytes += chunk.length;
    if (bytes > maxBytes) throw tooLarge(maxBytes);
    yield Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length);
  }
}

export function tooLarge(maxBytes: number): FileRefusedError {
  return new FileRefusedError("TOO_LARGE", `the file has more than ${maxBytes} bytes`);
}

/** Inflates gzip, and refuses what becomes far more than text could. */
export async function* inflated(source: Bytes): AsyncGenerator<Buffer, void, void> {
  let taken = 0;
  let given = 0;
  const counted = Readable.from(
    (async function* () {
      for await (const chunk of source) {
        taken += chunk.length;
        yield chunk;
      }
    })(),
  );
  const gunzip = fedBy(counted);
  try {
    for await (const chunk of gunzip as AsyncIterable<Buffer>) {
      given += chunk.length;
      if (given > RATIO_FREE_BYTES && given > MAX_RATIO * taken) {
        throw new FileRefusedError("NOT_TAKEN", `the file inflates to more than ${MAX_RATIO} times its size`);
      }
      yield chunk;
    }
  } catch (error) {
    if (!isZlibError(error)) throw error;
    throw new FileRefusedError("NOT_TAKEN", "the file is not valid gzip");
  } finally {
    counted.destroy();
    gunzip.destroy();
  }
}

function fedBy(source: Readable): Gunzip {
  const gunzip = createGunzip();
  source.on("error", (error) => gunzip.destroy(error));
  return source.pipe(gunzip);
}

function isZlibError(error: unknown): boolean {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  return code.startsWith("Z_") || code === "ERR_STREAM_PREMATURE_CLOSE";
}

export async function* masked(source: Bytes, mask: MaskStream): AsyncGenerator<Uint8Array, void, void> {
  for await (const chunk of source) {
    const safe = mask.push(chunk);
    if (safe.length > 0) yield safe;
  }
  const rest = mask.end();
  if (rest.length > 0) yield rest;
}
