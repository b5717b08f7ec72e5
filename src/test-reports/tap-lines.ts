/** Longer lines are cut. */
const MAX_LINE_LENGTH = 64 * 1024;
/** A longer block of diagnostics is dropped from here on: reading YAML takes time, and nobody reads so much of it. */
const MAX_BLOCK_LENGTH = 32 * 1024;

/** Passes whole lines of TAP on, and none that a hostile report could stop the reader with. */
export class TapLines {
  private open = "";
  private blockLength: number | null = null;

  /** The whole lines that are known now, "" when there are none. */
  take(text: string): string {
    const lines = (this.open + text).split("\n");
    this.open = lines.pop()!.slice(0, MAX_LINE_LENGTH);
    return lines.map((line) => this.pass(line)).join("");
  }

  end(): string {
    return this.open === "" ? "" : this.take("\n");
  }

  private pass(line: string): string {
    const text = `${line.slice(0, MAX_LINE_LENGTH)}\n`;
    if (this.blockLength === null) {
      if (/^\s+---\s*$/.test(text)) this.blockLength = 0;
      return text;
    }
    if (/^\s+\.\.\.\s*$/.test(text)) {
      this.blockLength = null;
      return text;
    }
    this.blockLength += text.length;
    return this.blockLength > MAX_BLOCK_LENGTH ? "" : text;
  }
}
