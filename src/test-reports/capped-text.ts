export const MAX_MESSAGE_LENGTH = 4_000;
export const MAX_DETAILS_BYTES = 64 * 1024;
export const MAX_OUTPUT_BYTES = 1024 * 1024;

/** Room for the mark that says what was cut. */
const MARK_BYTES = 80;

/** Collects text up to a number of bytes, and says at its end how much more there was. */
export class CappedText {
  private text = "";
  private bytes = 0;
  private cutBytes = 0;

  constructor(private readonly maxBytes: number) {}

  append(text: string): void {
    const bytes = Buffer.byteLength(text);
    const room = this.maxBytes - MARK_BYTES - this.bytes;
    if (this.cutBytes === 0 && bytes <= room) {
      this.text += text;
      this.bytes += bytes;
      return;
    }
    const kept = this.cutBytes === 0 ? headOf(text, room) : "";
    const keptBytes = Buffer.byteLength(kept);
    this.text += kept;
    this.bytes += keptBytes;
    this.cutBytes += bytes - keptBytes;
  }

  /** Null when it is blank. */
  get value(): string | null {
    if (this.cutBytes > 0) return `${this.text}\n[cut here: ${this.cutBytes} bytes more]`;
    return this.text.trim() === "" ? null : this.text;
  }
}

/** As many whole characters as fit. */
function headOf(text: string, maxBytes: number): string {
  const bytes = Buffer.from(text.slice(0, maxBytes));
  let end = Math.min(maxBytes, bytes.length);
  while (end > 0 && end < bytes.length && (bytes[end]! & 0xc0) === 0x80) end--;
  return bytes.toString("utf8", 0, end);
}

/** The first paragraph, on one line; null when it is blank. */
export function messageOf(text: string): string | null {
  const paragraph = text.trim().split(/\r?\n[ \t]*\r?\n/, 1)[0]!;
  const line = paragraph.slice(0, 2 * MAX_MESSAGE_LENGTH).replaceAll(/\s+/g, " ");
  if (line === "") return null;
  return line.length <= MAX_MESSAGE_LENGTH ? line : `${line.slice(0, MAX_MESSAGE_LENGTH - 4)} ...`;
}
