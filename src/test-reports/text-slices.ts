import { setImmediate as nextTurn } from "node:timers/promises";
import type { TextDecoder } from "node:util";

/** Characters that are parsed in one turn of the event loop: about two milliseconds of work. */
export const SLICE_LENGTH = 8 * 1024;

/** The stream's text in slices, each in a turn of its own, however large the stream's chunks are. */
export async function* textSlices(
  stream: AsyncIterable<Buffer>,
  decoderFor: (head: Buffer) => TextDecoder,
  headBytes: number,
): AsyncGenerator<string> {
  let head: Buffer | null = Buffer.alloc(0);
  let decoder: TextDecoder | null = null;
  for await (const chunk of stream) {
    head = head === null ? chunk : Buffer.concat([head, chunk]);
    if (decoder === null && head.length < headBytes) continue;
    decoder ??= decoderFor(head);
    yield* inTurns(decoder, head);
    head = null;
  }
  decoder ??= decoderFor(head ?? Buffer.alloc(0));
  if (head !== null) yield* inTurns(decoder, head);
  const rest = decoder.decode();
  if (rest !== "") yield rest;
}

async function* inTurns(decoder: TextDecoder, bytes: Buffer): AsyncGenerator<string> {
  for (let start = 0; start < bytes.length; start += SLICE_LENGTH) {
    const text = decoder.decode(bytes.subarray(start, start + SLICE_LENGTH), { stream: true });
    if (text !== "") yield text;
    await nextTurn();
  }
}
