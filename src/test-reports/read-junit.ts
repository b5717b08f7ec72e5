import { SaxesParser } from "saxes";
import type { Attributes } from "./junit-case.ts";
import { type Element, junitDocument } from "./junit-elements.ts";
import { ReportError, type ReportedTest, type ReportListener } from "./report.ts";
import { textSlices } from "./text-slices.ts";
import { DECLARATION_BYTES, xmlDecoder } from "./xml-encoding.ts";

const MAX_DEPTH = 64;
/** One text or tag as long as this is kept whole in memory until it ends. */
const MAX_TOKEN_LENGTH = 64 * 1024 * 1024;

/** XML forbids these, tools write them all the same, and nothing is lost by taking them. */
const HARMLESS: ReadonlySet<string> = new Set([
  "disallowed character.",
  "malformed character entity.",
  'the string "]]>" is disallowed in char data.',
]);

/**
 * Tells the tests of a JUnit XML report while it is read, in slices that leave the event loop to others.
 * @throws ReportError with line and column when it is no XML, or none that a report may be
 */
export async function readJunit(stream: AsyncIterable<Buffer>, listener: ReportListener): Promise<void> {
  let tests: ReportedTest[] = [];
  const { keys, onSuiteOutput } = listener;
  const document = junitDocument({
    keys,
    onTest: (test) => void tests.push(test),
    ...(onSuiteOutput && { onSuiteOutput }),
  });
  const parser = new JunitParser(document);
  const tell = async () => {
    const told = tests;
    tests = [];
    for (const test of told) await listener.onTest(test);
  };
  try {
    for await (const slice of textSlices(stream, xmlDecoder, DECLARATION_BYTES)) {
      parser.write(slice);
      await tell();
    }
    parser.end();
  } finally {
    await tell();
  }
}

class JunitParser {
  private readonly parser = new SaxesParser();
  private readonly open: Element[];
  private sinceToken = 0;

  constructor(document: Element) {
    this.open = [document];
    const { parser } = this;
    parser.on("error", ({ message }) => {
      const place = `${parser.line}:${parser.column}: `;
      const cause = message.startsWith(place) ? message.slice(place.length) : message;
      if (!HARMLESS.has(cause)) this.fail(`no valid XML: ${cause.replace(/\.$/, "")}`);
    });
    parser.on("doctype", () => this.fail("a DOCTYPE is refused: entities could make a small file huge"));
    parser.on("opentag", ({ name, attributes }) => this.enter(name, attributes));
    parser.on("text", (text) => this.read(text));
    parser.on("cdata", (text) => this.read(text));
    parser.on("closetag", () => {
      this.sinceToken = 0;
      this.open.pop()?.close?.();
    });
  }

  write(text: string): void {
    this.sinceToken += text.length;
    this.parser.write(text);
    if (this.sinceToken > MAX_TOKEN_LENGTH) this.fail("a single text or tag is longer than 64 MiB");
  }

  end(): void {
    this.parser.close();
  }

  private enter(name: string, attributes: Attributes): void {
    this.sinceToken = 0;
    if (this.open.length > MAX_DEPTH) this.fail(`elements are nested deeper than ${MAX_DEPTH} levels`);
    const local = name.slice(name.indexOf(":") + 1);
    this.open.push(this.open.at(-1)!.child(local, attributes));
  }

  private read(text: string): void {
    this.sinceToken = 0;
    this.open.at(-1)!.text?.append(text);
  }

  private fail(message: string): never {
    throw new ReportError(`${this.parser.line}:${this.parser.column}: ${message}`);
  }
}
