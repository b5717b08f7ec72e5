import { StringDecoder } from "node:string_decoder";
import type { Clock } from "../domain/clock.ts";
import type { SecretMasker } from "../domain/mask.ts";
import { storableText } from "./storable-text.ts";

export type LogStreamName = "stdout" | "stderr" | "system";

const MAX_TEXT_BYTES = 16 * 1024;
/** No UTF-16 code unit needs more bytes, so lines below a third of the limit need no measuring. */
const MAX_BYTES_PER_UNIT = 3;
/** Records are handed on in portions of about this many characters. */
const PORTION_LENGTH = 8 * 1024;

interface OpenLine {
  readonly masker: SecretMasker;
  readonly decoder: StringDecoder;
  text: string;
}

/**
 * Turns what a step writes into records of the CRI log format, one per line:
 * `<time> <stdout|stderr|system> <F|P> <text>`, P meaning that the next record of the stream goes on with the line.
 * Secrets are masked first, in each stream by itself. What may be the beginning of one waits for what comes next, or
 * for the end: a few bytes, and no line that is complete unless a secret has several.
 */
export class LogRecordWriter {
  private readonly lines: Record<"stdout" | "stderr", OpenLine>;

  /** @param emit takes whole records, each ending with a newline, at most about 25 KiB at a time */
  constructor(
    private readonly clock: Clock,
    private readonly masker: SecretMasker,
    private readonly emit: (records: string) => void,
  ) {
    this.lines = { stdout: newLine(masker), stderr: newLine(masker) };
  }

  write(stream: "stdout" | "stderr", chunk: Uint8Array): void {
    const line = this.lines[stream];
    this.split(stream, line, decoded(line, line.masker.push(chunk)));
  }

  /** The runner's own words; every line of the text becomes a record. */
  system(text: string): void {
    this.record("system", storableText(this.masker.maskText(text)).replace(/\n$/, "").split("\n"));
  }

  /** Writes what is left of lines that have not ended. */
  end(): void {
    for (const stream of ["stdout", "stderr"] as const) {
      const line = this.lines[stream];
      this.split(stream, line, decoded(line, line.masker.end()) + line.decoder.end());
      if (line.text !== "") this.record(stream, [line.text]);
      line.text = "";
    }
  }

  private split(stream: LogStreamName, line: OpenLine, text: string): void {
    if (text === "") return;
    const parts = storableText(text).split("\n");
    parts[0] = line.text + parts[0];
    line.text = parts.pop()!;
    if (parts.length > 0) this.record(stream, parts);
    if (line.text.length * MAX_BYTES_PER_UNIT > MAX_TEXT_BYTES) {
      const pieces = cutText(line.text);
      line.text = pieces.pop()!;
      if (pieces.length > 0) this.emitPortions(pieces.map((piece) => this.format(stream, "P", piece)));
    }
  }

  private record(stream: LogStreamName, lines: readonly string[]): void {
    this.emitPortions(
      lines.flatMap((line) => {
        if (line.length * MAX_BYTES_PER_UNIT <= MAX_TEXT_BYTES) return [this.format(stream, "F", line)];
        const pieces = cutText(line);
        return pieces.map((piece, index) =>
          this.format(stream, index === pieces.length - 1 ? "F" : "P", piece),
        );
      }),
    );
  }

  private format(stream: LogStreamName, tag: "F" | "P", text: string): string {
    return `${this.clock.now().toISOString()} ${stream} ${tag} ${text}\n`;
  }

  private emitPortions(records: readonly string[]): void {
    let portion = "";
    for (const record of records) {
      portion += record;
      if (portion.length < PORTION_LENGTH) continue;
      this.emit(portion);
      portion = "";
    }
    if (portion !== "") this.emit(portion);
  }
}

function newLine(masker: SecretMasker): OpenLine {
  return { masker: masker.fork(), decoder: new StringDecoder("utf8"), text: "" };
}

function decoded({ decoder }: OpenLine, { buffer, byteOffset, byteLength }: Uint8Array): string {
  return decoder.write(Buffer.from(buffer, byteOffset, byteLength));
}

/** Pieces of at most 16 KiB of UTF-8 that do not cut through a character; at least one. */
function cutText(text: string): string[] {
  const bytes = Buffer.from(text, "utf8");
  const pieces: string[] = [];
  let start = 0;
  while (bytes.length - start > MAX_TEXT_BYTES) {
    let end = start + MAX_TEXT_BYTES;
    while ((bytes[end]! & 0xc0) === 0x80) end--;
    pieces.push(bytes.toString("utf8", start, end));
    start = end;
  }
  pieces.push(bytes.toString("utf8", start));
  return pieces;
}
