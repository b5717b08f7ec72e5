import { storableText } from "../storable-text.ts";

/** Enough for any line that can be a message. */
const MAX_TAIL_BYTES = 16 * 1024;
const MAX_MESSAGE_LENGTH = 4_000;
// biome-ignore lint/suspicious/noControlCharactersInRegex: colors begin with one
const COLORS = /\x1b\[[0-9;]*m/g;

/** Remembers the end of what a command prints. */
export class OutputTail {
  private parts: Buffer[] = [];
  private bytes = 0;

  add(chunk: Buffer): void {
    this.parts.push(chunk);
    this.bytes += chunk.length;
    if (this.bytes <= 2 * MAX_TAIL_BYTES) return;
    const tail = Buffer.concat(this.parts).subarray(-MAX_TAIL_BYTES);
    this.parts = [tail];
    this.bytes = tail.length;
  }

  /** The last line that is not blank; null when there is none. */
  get lastLine(): string | null {
    const lines = Buffer.concat(this.parts).toString("utf8").replaceAll(COLORS, "").split("\n");
    const last = lines.findLast((line) => line.trim() !== "")?.trim();
    return last === undefined ? null : storableText(last.slice(0, MAX_MESSAGE_LENGTH));
  }
}
