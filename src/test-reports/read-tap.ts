import { TextDecoder } from "node:util";
import { type FinalResults, Parser, type Result } from "tap-parser";
import { ReportError, type ReportedTest, type ReportListener } from "./report.ts";
import { TapLines } from "./tap-lines.ts";
import { tapTest } from "./tap-test.ts";
import type { TestKeys } from "./test-keys.ts";
import { textSlices } from "./text-slices.ts";

const MAX_DEPTH = 64;

/**
 * Tells the tests of a TAP report while it is read, in slices that leave the event loop to others. A subtest's tests
 * are told, and it itself only where they do not tell all of it.
 * @throws ReportError when the tests bailed out, or the plan is missing or says another number of them
 */
export async function readTap(stream: AsyncIterable<Buffer>, listener: ReportListener): Promise<void> {
  const document = new TapDocument(listener.keys);
  const lines = new TapLines();
  const tell = async () => {
    for (const test of document.takeTests()) await listener.onTest(test);
  };
  try {
    for await (const slice of textSlices(stream, () => new TextDecoder("utf-8"), 0)) {
      document.write(lines.take(slice));
      await tell();
    }
    document.write(lines.end());
    document.end();
  } finally {
    await tell();
  }
}

/** What was told of the subtest that is open, or was the last to be. */
interface Subtest {
  tests: number;
  failed: boolean;
}

class TapDocument {
  private readonly parser = new Parser();
  private tests: ReportedTest[] = [];
  private bailedOut: string | null = null;
  private sawPlan = false;

  constructor(private readonly keys: TestKeys) {
    const { parser } = this;
    this.listen(parser, [], { tests: 0, failed: false });
    parser.on("plan", () => {
      this.sawPlan = true;
    });
    parser.on("bailout", (reason: string) => {
      this.bailedOut ??= reason ? `the tests bailed out: ${reason}` : "the tests bailed out";
    });
  }

  takeTests(): ReportedTest[] {
    return this.tests.splice(0);
  }

  write(text: string): void {
    if (text !== "" && this.bailedOut === null) this.parser.write(text);
  }

  end(): void {
    const planned = this.sawPlan;
    this.parser.end();
    if (this.bailedOut !== null) throw new ReportError(this.bailedOut);
    if (!planned)
      throw new ReportError("the report has no plan (such as 1..10), so tests may be missing in it");
    const fault = faultOf(this.parser.results!);
    if (fault !== null) throw new ReportError(fault);
  }

  private listen(parser: Parser, suites: readonly string[], own: Subtest): void {
    let last: Subtest | null = null;
    parser.on("child", (child: Parser) => {
      if (suites.length >= MAX_DEPTH)
        throw new ReportError(`subtests are nested deeper than ${MAX_DEPTH} levels`);
      last = { tests: 0, failed: false };
      this.listen(child, [...suites, child.name], last);
    });
    parser.on("assert", (result: Result) => {
      const subtest = result.closingTestPoint ? last : null;
      last = null;
      own.tests += subtest?.tests ?? 0;
      own.failed ||= subtest?.failed ?? false;
      const toldByItsTests = subtest !== null && subtest.tests > 0 && (result.ok || subtest.failed);
      if (toldByItsTests) return;
      const test = tapTest(result, suites, this.keys);
      own.tests++;
      own.failed ||= test.status === "FAILED";
      this.tests.push(test);
    });
  }
}

function faultOf({ failures, plan, count }: FinalResults): string | null {
  const fault = failures.find(({ tapError }) => tapError)?.tapError;
  if (!fault) return null;
  if (!/incorrect number/.test(fault)) return `not valid TAP: ${fault}`;
  return countFault(plan, count);
}

function countFault({ start, end }: FinalResults["plan"], count: number): string {
  const planned = (end ?? 0) - (start ?? 1) + 1;
  return `the plan says ${planned} ${planned === 1 ? "test" : "tests"}, the report has ${count}`;
}
