import { StringDecoder } from "node:string_decoder";
import type { DiscoveredTest } from "../protocol-tests.ts";
import { findTextFault } from "../storable-text.ts";

const MAX_KEY_LENGTH = 500;
const MAX_NAME_LENGTH = 1_000;
const MAX_LINE_LENGTH = 64 * 1024;
export const MAX_TESTS = 100_000;

/** What a discovery command printed is no list of tests; the message is for the workflow's author. */
export class DiscoveryError extends Error {
  override readonly name = "DiscoveryError";
}

/** Reads what a discovery command prints: an id or a JSON object a line. */
export class Discovery {
  readonly tests: DiscoveredTest[] = [];
  /** Tests that were named before. */
  repeated = 0;
  error: DiscoveryError | null = null;
  private readonly decoder = new StringDecoder("utf8");
  private readonly keys = new Set<string>();
  private open = "";
  private lines = 0;

  write(chunk: Buffer): void {
    this.read(this.decoder.write(chunk));
  }

  end(): void {
    this.read(`${this.decoder.end()}\n`);
  }

  private read(text: string): void {
    if (this.error !== null) return;
    const lines = (this.open + text).split("\n");
    this.open = lines.pop()!;
    try {
      for (const line of lines) this.take(line);
      if (this.open.length > MAX_LINE_LENGTH) throw new DiscoveryError(`line ${this.lines + 1} has no end`);
    } catch (error) {
      if (!(error instanceof DiscoveryError)) throw error;
      this.error = error;
    }
  }

  private take(line: string): void {
    this.lines++;
    const text = line.trim();
    if (text === "" || text.startsWith("#")) return;
    const test = text.startsWith("{") ? this.parse(text) : { key: text, name: null, suite: null, file: null };
    const fault =
      test.key.length > MAX_KEY_LENGTH
        ? `has more than ${MAX_KEY_LENGTH} characters`
        : findTextFault(test.key);
    if (fault !== null) throw this.refusal(`an id that ${fault}`, text);
    if (this.keys.has(test.key)) {
      this.repeated++;
      return;
    }
    if (this.tests.length === MAX_TESTS) throw new DiscoveryError(`there are more than ${MAX_TESTS} tests`);
    this.keys.add(test.key);
    this.tests.push(test);
  }

  private parse(text: string): DiscoveredTest {
    let value: Record<string, unknown>;
    try {
      value = JSON.parse(text) as Record<string, unknown>;
    } catch (error) {
      throw this.refusal(`no valid JSON (${(error as Error).message})`, text);
    }
    const key = textOf(value["id"] ?? value["key"]);
    if (key === null) throw this.refusal('a JSON object without the text "id"', text);
    const named = (name: string) => textOf(value[name])?.slice(0, MAX_NAME_LENGTH) ?? null;
    return { key, name: named("name"), suite: named("suite"), file: named("file") };
  }

  private refusal(what: string, line: string): DiscoveryError {
    return new DiscoveryError(`line ${this.lines} is ${what}: ${line.slice(0, 200)}`);
  }
}

function textOf(value: unknown): string | null {
  if (typeof value === "number") return String(value);
  return typeof value === "string" && value.trim() !== "" ? value.trim() : null;
}
